#include "ternary_kernels/gemm.h"

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "dnnl.hpp"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

using dnnl::memory;
using Dims = memory::dims;

bool HasAvx512() {
  static const bool has = [] {
    constexpr int kAvx512 = static_cast<int>(dnnl::cpu_isa::avx512_core);
    return (static_cast<int>(dnnl::get_effective_cpu_isa()) & kAvx512) == kAvx512;
  }();
  return has;
}

// An error of oneDNN's is a bug of ours: what we ask for is supported.
template <typename Body>
decltype(auto) OrDie(const Body& body) {
  try {
    return body();
  } catch (const dnnl::error& error) {
    CheckFailed(__FILE__, __LINE__, error.what());
  }
}

// Never destroyed: the streams of threads may outlive static objects.
const dnnl::engine& Engine() {
  static const auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

dnnl::stream& Stream() {
  thread_local dnnl::stream stream(Engine());
  return stream;
}

memory::data_type InputType(GemmType type) {
  switch (type) {
    case GemmType::kU8S8:
      return memory::data_type::u8;
    case GemmType::kF32:
      return memory::data_type::f32;
    case GemmType::kBF16:
      return memory::data_type::bf16;
  }
  TRIT_CHECK(!"no such type");
}

// The packed operand; kU8S8: whatever oneDNN likes best.
memory::desc OperandDescription(GemmType type, int64_t k, int64_t n) {
  using Tag = memory::format_tag;
  switch (type) {
    case GemmType::kU8S8:
      return {{k, n}, memory::data_type::s8, Tag::any};
    case GemmType::kF32:
      return {{k, n}, memory::data_type::f32, HasAvx512() ? Tag::BA16a64b : Tag::ab};
    case GemmType::kBF16:
      return {{k, n}, memory::data_type::bf16, Tag::BA16a64b2a};
  }
  TRIT_CHECK(!"no such type");
}

struct ProductKey {
  GemmType type;
  int64_t k, n;
  bool accumulate;

  auto operator<=>(const ProductKey&) const = default;
};

// Without VNNI, oneDNN adds two products u8 * s8 in a saturating int16: exact for |b| <= 64 only,
// and so for trits.
bool IntegerGemmSaturates();

struct Halves {};
struct Source {};
struct Destination {};
struct Own {};

}  // namespace

namespace internal {

// One oneDNN matmul of whole tiles.
class Product {
 public:
  explicit Product(const ProductKey& key)
      : a_({GemmTileRows(), key.k}, InputType(key.type), Dims{key.k, 1}),
        c_({GemmTileRows(), key.n},
           key.type == GemmType::kU8S8 ? memory::data_type::s32 : memory::data_type::f32,
           Dims{key.n, 1}) {
    dnnl::primitive_attr attributes;
    attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
    // oneDNN's own scratchpad would belong to the thread that created the product.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (key.accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    const memory::desc b = OperandDescription(key.type, key.k, key.n);
    const LibraryThreads threads(1);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc description(Engine(), a_, b, c_, attributes);
#else
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a_, b, c_), attributes,
                                                   Engine());
#endif
    b_ = description.weights_desc();
    scratchpad_ = description.scratchpad_desc();
    scratchpad_bytes_ = static_cast<int64_t>(scratchpad_.get_size());
    implementation_ = description.impl_info_str();
    matmul_ = dnnl::matmul(description);
  }

  void Run(const void* a, const void* b, void* c) const {
    const LibraryThreads threads(1);
    Arguments& arguments = ArgumentsOfThread();
    arguments.Set(a, b, c, ThreadScratch<Own, std::byte>(scratchpad_bytes_ + 1));
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(matmul_.get(), Stream().get(),
                               static_cast<int>(arguments.list.size()), arguments.list.data()),
        "could not execute a matmul");
    Stream().wait();
  }

  const memory::desc& operand() const { return b_; }
  const std::string& implementation() const { return implementation_; }

 private:
  // Memory objects of one thread: making them anew for every tile costs as much as a small tile.
  struct Arguments {
    explicit Arguments(const Product& product)
        : memories{memory(product.a_, Engine(), DNNL_MEMORY_NONE),
                   memory(product.b_, Engine(), DNNL_MEMORY_NONE),
                   memory(product.c_, Engine(), DNNL_MEMORY_NONE),
                   memory(product.scratchpad_, Engine(), DNNL_MEMORY_NONE)},
          list{{{DNNL_ARG_SRC, memories[0].get()},
                {DNNL_ARG_WEIGHTS, memories[1].get()},
                {DNNL_ARG_DST, memories[2].get()},
                {DNNL_ARG_SCRATCHPAD, memories[3].get()}}} {}

    void Set(const void* a, const void* b, void* c, void* scratchpad) {
      memories[0].set_data_handle(const_cast<void*>(a));
      memories[1].set_data_handle(const_cast<void*>(b));
      memories[2].set_data_handle(c);
      memories[3].set_data_handle(scratchpad);
    }

    std::array<memory, 4> memories;
    std::array<dnnl_exec_arg_t, 4> list;
  };

  Arguments& ArgumentsOfThread() const {
    thread_local std::map<const Product*, Arguments> arguments;
    const auto it = arguments.find(this);
    if (it != arguments.end()) return it->second;
    return arguments.try_emplace(this, *this).first->second;
  }

  memory::desc a_, b_, c_, scratchpad_;
  int64_t scratchpad_bytes_;
  std::string implementation_;
  dnnl::matmul matmul_;
};

}  // namespace internal

namespace {

using internal::Product;

// Products live as long as the process: creating one takes up to milliseconds, and a training step
// repeats its shapes.
const Product* Cached(const ProductKey& key) {
  static auto* mutex = new std::mutex;
  static auto* products = new std::map<ProductKey, Product>;
  const std::lock_guard lock(*mutex);
  return &products->try_emplace(key, key).first->second;
}

bool IntegerGemmSaturates() {
  static const bool saturates = [] {
    constexpr int64_t kSize = 64;  // k and n
    const Product& product = *Cached({GemmType::kU8S8, kSize, kSize, false});
    const auto rows = static_cast<size_t>(GemmTileRows());
    AlignedBuffer<uint8_t> a(rows * kSize);
    AlignedBuffer<int8_t> b(product.operand().get_size());
    AlignedBuffer<int32_t> c(rows * kSize);
    std::fill(a.begin(), a.end(), uint8_t{255});
    std::fill(b.begin(), b.end(), int8_t{127});
    product.Run(a.data(), b.data(), c.data());
    return std::any_of(c.begin(), c.end(), [](int32_t v) { return v != 255 * 127 * kSize; });
  }();
  return saturates;
}

}  // namespace

// oneDNN orders a sum as the tile's height asks (AMX), or as the row's place in the tile asks (AVX2
// takes rows by six, those left over otherwise): so all tiles have one height, a multiple of what
// the CPU takes. At this height, and with its operand packed, oneDNN is within 3 % of its best.
int64_t GemmTileRows() {
  static const int64_t rows = HasAvx512() ? 64 : 66;
  return rows;
}

bool HasBF16Gemm() {
  static const bool has = [] {
    try {
      // The reference implementation would take bf16 as well.
      return Product({GemmType::kBF16, 64, 64, false}).implementation().starts_with("brg");
    } catch (const dnnl::error&) {
      return false;
    }
  }();
  return has;
}

TileProduct::TileProduct(GemmType type, int64_t k, int64_t n) : type_(type), k_(k), n_(n) {
  TRIT_CHECK(k >= 1 && n >= 1);
  OrDie([&] {
    product_ = Cached({type, k, n, false});
    accumulating_ = Cached({type, k, n, true});
    // Where sums saturate, b is packed as two halves.
    const size_t parts = type == GemmType::kU8S8 && IntegerGemmSaturates() ? 2 : 1;
    operand_bytes_ = parts * product_->operand().get_size();
  });
  // Both read one layout, or it could not be packed once.
  TRIT_CHECK(product_->operand() == accumulating_->operand());
}

PanelLayout TileProduct::layout() const {
  TRIT_CHECK(type_ != GemmType::kU8S8);
  if (type_ == GemmType::kBF16) return {.width = 64, .rows_together = 2, .row_multiple = 32};
  if (HasAvx512()) return {.width = 64, .rows_together = 1, .row_multiple = 16};
  return {.width = n_, .rows_together = 1, .row_multiple = 1};
}

void TileProduct::PackTransposed(const int8_t* b, int64_t stride, void* packed) const {
  TRIT_CHECK(type_ == GemmType::kU8S8 && stride >= k_);
  const LibraryThreads threads(InParallelRegion() ? 1 : NumThreads());
  const auto pack = [&](const int8_t* from, int64_t from_stride, void* to) {
    const memory::desc plain({k_, n_}, memory::data_type::s8, Dims{1, from_stride});
    const dnnl::reorder reorder(
        dnnl::reorder::primitive_desc(Engine(), plain, Engine(), product_->operand()));
    memory from_memory(plain, Engine(), const_cast<int8_t*>(from));
    memory to_memory(product_->operand(), Engine(), to);
    reorder.execute(Stream(), from_memory, to_memory);
    Stream().wait();
  };
  OrDie([&] {
    if (!IntegerGemmSaturates()) {
      pack(b, stride, packed);
      return;
    }
    // a b = a (b / 2) + a (b - b / 2)
    int8_t* half = ThreadScratch<Halves, int8_t>(n_ * k_);
    for (const int round_up : {0, 1}) {
      for (int64_t i = 0; i < n_ * k_; ++i) {
        half[i] = static_cast<int8_t>((b[i / k_ * stride + i % k_] + round_up) >> 1);
      }
      pack(half, k_, static_cast<std::byte*>(packed) + round_up * operand_bytes_ / 2);
    }
  });
}

template <typename A, typename C>
void TileProduct::RunAs(const A* a, int64_t rows, const void* b, bool accumulate, C* c) const {
  const int64_t tile_rows = GemmTileRows();
  TRIT_CHECK(rows >= 1 && rows <= tile_rows);
  C* out = c;
  if (rows < tile_rows) {
    A* padded_a = ThreadScratch<Source, A>(tile_rows * k_);
    std::copy_n(a, rows * k_, padded_a);
    std::fill(padded_a + rows * k_, padded_a + tile_rows * k_, A{});
    a = padded_a;
    out = ThreadScratch<Destination, C>(tile_rows * n_);
    if (accumulate) {
      std::copy_n(c, rows * n_, out);
      std::fill(out + rows * n_, out + tile_rows * n_, C{});
    }
  }
  OrDie([&] {
    (accumulate ? accumulating_ : product_)->Run(a, b, out);
    if (type_ == GemmType::kU8S8 && IntegerGemmSaturates()) {
      accumulating_->Run(a, static_cast<const std::byte*>(b) + operand_bytes_ / 2, out);
    }
  });
  if (out != c) std::copy_n(out, rows * n_, c);
}

void TileProduct::Run(const uint8_t* a, int64_t rows, const void* b, int32_t* c) const {
  TRIT_CHECK(type_ == GemmType::kU8S8);
  RunAs(a, rows, b, false, c);
}

void TileProduct::Run(const float* a, int64_t rows, const void* b, bool accumulate,
                      float* c) const {
  TRIT_CHECK(type_ == GemmType::kF32);
  RunAs(a, rows, b, accumulate, c);
}

void TileProduct::Run(const BFloat16* a, int64_t rows, const void* b, bool accumulate,
                      float* c) const {
  TRIT_CHECK(type_ == GemmType::kBF16);
  RunAs(a, rows, b, accumulate, c);
}

const std::string& TileProduct::implementation() const { return product_->implementation(); }

}  // namespace trit
