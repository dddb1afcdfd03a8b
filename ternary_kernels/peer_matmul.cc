#include "ternary_kernels/peer_matmul.h"

#include <dnnl.hpp>
#include <random>

#include "ternary_kernels/check.h"

namespace trit {
namespace {

using dnnl::memory;

// Every byte 1 or 2: small numbers as int8, ordinary ones as bf16 and f32.
void Fill(memory& to) {
  std::minstd_rand random(1);
  uint8_t* bytes = static_cast<uint8_t*>(to.get_data_handle());
  for (size_t i = 0; i < to.get_desc().get_size(); ++i) bytes[i] = 1 + (random() >> 16 & 1);
}

class OneDnnMatmul : public PeerMatmul {
 public:
  OneDnnMatmul(PeerType type, int64_t m, int64_t n, int64_t k)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using DataType = memory::data_type;
    const DataType a_type = type == PeerType::kU8S8   ? DataType::u8
                            : type == PeerType::kBF16 ? DataType::bf16
                                                      : DataType::f32;
    const DataType b_type = type == PeerType::kU8S8 ? DataType::s8 : a_type;
    const DataType c_type = type == PeerType::kU8S8 ? DataType::s32 : DataType::f32;
    const memory::desc a({m, k}, a_type, memory::format_tag::ab);
    const memory::desc b({k, n}, b_type, memory::format_tag::any);
    const memory::desc c({m, n}, c_type, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc description(engine_, a, b, c);
#else
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, b, c), engine_);
#endif
    implementation_ = description.impl_info_str();
    matmul_ = dnnl::matmul(description);
    a_ = memory(a, engine_);
    b_ = memory(description.weights_desc(), engine_);
    c_ = memory(c, engine_);
    Fill(a_);
    Fill(b_);
  }

  void Run() override {
    matmul_.execute(stream_, {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}});
    stream_.wait();
  }

  std::string Implementation() const override { return implementation_; }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::matmul matmul_;
  memory a_, b_, c_;
  std::string implementation_;
};

}  // namespace

const char* PeerTypeName(PeerType type) {
  switch (type) {
    case PeerType::kU8S8:
      return "u8s8";
    case PeerType::kBF16:
      return "bf16";
    case PeerType::kF32:
      return "f32";
  }
  TRIT_CHECK(!"no such type");
}

std::unique_ptr<PeerMatmul> PeerMatmul::Make(PeerType type, int64_t num_tokens, int64_t rows,
                                             int64_t cols) {
  try {
    return std::make_unique<OneDnnMatmul>(type, num_tokens, rows, cols);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

}  // namespace trit
