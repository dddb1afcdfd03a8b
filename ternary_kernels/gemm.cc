#include "ternary_kernels/gemm.h"

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "dnnl.hpp"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

namespace trit {
namespace {

using dnnl::memory;

bool HasAvx512() {
  static const bool has = [] {
    constexpr int kAvx512 = static_cast<int>(dnnl::cpu_isa::avx512_core);
    return (static_cast<int>(dnnl::get_effective_cpu_isa()) & kAvx512) == kAvx512;
  }();
  return has;
}

// Rows of c in a floating-point tile. oneDNN orders a sum as the tile's height asks (AMX), or as
// the row's place in the tile asks (AVX2 takes rows by six, those left over otherwise): so the last
// tile is padded, and the height is a multiple of what the CPU takes. A row's sums then depend on
// no other rows. Every tile reads all of b; at this height that costs 5 to 20 % against one product
// of 512 rows.
int64_t TileRows() { return HasAvx512() ? 128 : 132; }

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

// Memory that a thread keeps from call to call.
class Scratch {
 public:
  std::byte* Get(size_t bytes) {
    if (buffer_.size() < bytes) buffer_ = AlignedBuffer<std::byte>(bytes);
    return buffer_.data();
  }
  template <typename T>
  T* Get(int64_t elements) {
    return reinterpret_cast<T*>(Get(static_cast<size_t>(elements) * sizeof(T)));
  }

 private:
  AlignedBuffer<std::byte> buffer_;
};

struct ThreadScratch {
  Scratch a, b, c;
  Scratch primitive;  // oneDNN's own
};

ThreadScratch& ScratchOfThread() {
  thread_local ThreadScratch scratch;
  return scratch;
}

enum class GemmType : uint8_t { kU8S8, kF32, kBF16 };

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

// What distinguishes one oneDNN matmul from another. a: (m, k) dense; b: (k, n), or (n, k) if
// transposed, dense; c: (m, n).
struct ProductKey {
  GemmType type;
  int64_t m, n, k;
  bool b_transpose;
  bool accumulate;
  int64_t c_stride;
  int num_threads;  // oneDNN divides the work among as many when it creates the product

  auto operator<=>(const ProductKey&) const = default;
};

// One oneDNN matmul. Any number of threads may run it at the same time.
class Product {
 public:
  explicit Product(const ProductKey& key) {
    const bool integer = key.type == GemmType::kU8S8;
    const auto b_type = integer ? memory::data_type::s8 : InputType(key.type);
    const auto c_type = integer ? memory::data_type::s32 : memory::data_type::f32;
    using Dims = memory::dims;
    a_ = memory::desc({key.m, key.k}, InputType(key.type), Dims{key.k, 1});
    b_ = memory::desc({key.k, key.n}, b_type, key.b_transpose ? Dims{1, key.k} : Dims{key.n, 1});
    c_ = memory::desc({key.m, key.n}, c_type, Dims{key.c_stride, 1});
    dnnl::primitive_attr attributes;
    attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
    // oneDNN's own scratchpad would belong to the thread that created the product.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (key.accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    const LibraryThreads threads(key.num_threads);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc description(Engine(), a_, b_, c_, attributes);
#else
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a_, b_, c_), attributes,
                                                   Engine());
#endif
    scratchpad_ = description.scratchpad_desc();
    implementation_ = description.impl_info_str();
    matmul_ = dnnl::matmul(description);
  }

  void Run(const void* a, const void* b, void* c) const {
    void* scratchpad = ScratchOfThread().primitive.Get(scratchpad_.get_size());
    matmul_.execute(Stream(), {{DNNL_ARG_SRC, memory(a_, Engine(), const_cast<void*>(a))},
                               {DNNL_ARG_WEIGHTS, memory(b_, Engine(), const_cast<void*>(b))},
                               {DNNL_ARG_DST, memory(c_, Engine(), c)},
                               {DNNL_ARG_SCRATCHPAD, memory(scratchpad_, Engine(), scratchpad)}});
    Stream().wait();
  }

  const std::string& implementation() const { return implementation_; }

 private:
  memory::desc a_, b_, c_, scratchpad_;
  std::string implementation_;
  dnnl::matmul matmul_;
};

// Copies columns [0, m) of a (k, m) matrix into the rows of a dense (m, k) one.
struct TranspositionKey {
  GemmType type;
  int64_t m, k, stride;

  auto operator<=>(const TranspositionKey&) const = default;
};

class Transposition {
 public:
  explicit Transposition(const TranspositionKey& key)
      : from_({key.m, key.k}, InputType(key.type), memory::dims{1, key.stride}),
        to_({key.m, key.k}, InputType(key.type), memory::dims{key.k, 1}) {
    const LibraryThreads threads(1);
    reorder_ = dnnl::reorder(dnnl::reorder::primitive_desc(Engine(), from_, Engine(), to_));
  }

  void Run(const void* from, void* to) const {
    memory from_memory(from_, Engine(), const_cast<void*>(from));
    memory to_memory(to_, Engine(), to);
    reorder_.execute(Stream(), from_memory, to_memory);
    Stream().wait();
  }

 private:
  memory::desc from_, to_;
  dnnl::reorder reorder_;
};

// Primitives live as long as the process: creating one takes up to milliseconds, and a training
// step repeats its shapes.
template <typename Primitive, typename Key>
const Primitive& Cached(const Key& key) {
  static auto* mutex = new std::shared_mutex;
  static auto* primitives = new std::map<Key, Primitive>;
  {
    const std::shared_lock lock(*mutex);
    const auto it = primitives->find(key);
    if (it != primitives->end()) return it->second;
  }
  const std::unique_lock lock(*mutex);
  return primitives->try_emplace(key, key).first->second;
}

void CopyRows(const void* from, int64_t from_stride, int64_t rows, int64_t row_bytes, void* to,
              int64_t to_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(static_cast<std::byte*>(to) + r * to_stride,
                static_cast<const std::byte*>(from) + r * from_stride,
                static_cast<size_t>(row_bytes));
  }
}

// The matrix itself if its rows are adjacent, else a copy in `scratch` whose rows are: oneDNN's
// fast implementations take no others.
template <typename T>
const T* Dense(const T* x, int64_t rows, int64_t cols, int64_t stride, Scratch& scratch) {
  TRIT_CHECK(stride >= cols);
  if (stride == cols || rows == 1) return x;
  T* dense = scratch.Get<T>(rows * cols);
  const auto size = static_cast<int64_t>(sizeof(T));
  ParallelForBlocks(rows, RowsPerTask(cols), [&](int64_t begin, int64_t end) {
    CopyRows(x + begin * stride, stride * size, end - begin, cols * size, dense + begin * cols,
             cols * size);
  });
  return dense;
}

// x, stored (k, m), as a dense (m, k), on the calling thread.
void TransposeRows(GemmType type, const void* x, int64_t stride, int64_t m, int64_t k,
                   void* dense) {
  const LibraryThreads threads(1);
  const TranspositionKey key{.type = type, .m = m, .k = k, .stride = stride};
  OrDie([&] { Cached<Transposition>(key).Run(x, dense); });
}

template <typename T>
struct FloatProduct {
  int64_t m, n, k;
  const T* a;
  int64_t a_stride;
  Transpose a_transpose;
  const T* b;  // dense
  bool accumulate;
  float* c;
  int64_t c_stride;
  GemmType type;
  const Product* product;  // of TileRows() rows
};

// Rows [begin, end) of c, at most TileRows().
template <typename T>
void RunTile(const FloatProduct<T>& p, int64_t begin, int64_t end) {
  const LibraryThreads threads(1);
  ThreadScratch& scratch = ScratchOfThread();
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  constexpr auto kFloatSize = static_cast<int64_t>(sizeof(float));
  const int64_t rows = end - begin;
  const int64_t tile_rows = TileRows();
  const bool partial = rows < tile_rows;

  const T* a = p.a + begin * p.a_stride;
  if (p.a_transpose == Transpose::kYes || p.a_stride != p.k || partial) {
    T* dense = scratch.a.Get<T>(tile_rows * p.k);
    if (p.a_transpose == Transpose::kYes) {
      TransposeRows(p.type, p.a + begin, p.a_stride, rows, p.k, dense);
    } else {
      CopyRows(a, p.a_stride * kSize, rows, p.k * kSize, dense, p.k * kSize);
    }
    std::fill(dense + rows * p.k, dense + tile_rows * p.k, T{});
    a = dense;
  }

  float* c = p.c + begin * p.c_stride;
  if (!partial && p.c_stride == p.n) {
    p.product->Run(a, p.b, c);
    return;
  }
  float* dense = scratch.c.Get<float>(tile_rows * p.n);
  const int64_t row_bytes = p.n * kFloatSize;
  if (p.accumulate) {
    CopyRows(c, p.c_stride * kFloatSize, rows, row_bytes, dense, row_bytes);
    std::fill(dense + rows * p.n, dense + tile_rows * p.n, 0.0f);
  }
  p.product->Run(a, p.b, dense);
  CopyRows(dense, row_bytes, rows, row_bytes, c, p.c_stride * kFloatSize);
}

ProductKey TileKey(GemmType type, int64_t n, int64_t k, Transpose b_transpose, bool accumulate) {
  return {.type = type,
          .m = TileRows(),
          .n = n,
          .k = k,
          .b_transpose = b_transpose == Transpose::kYes,
          .accumulate = accumulate,
          .c_stride = n,
          .num_threads = 1};
}

// Whether to transpose a b stored (k, n) first: the f32 implementation for AVX-512 reads it in
// place, with a page miss at every row of a large one, and takes up to four times as long. The copy
// of a gigantic one would be as bad.
bool TransposesB(GemmType type, int64_t n, int64_t k) {
  return type == GemmType::kF32 && HasAvx512() && n * k >= (1 << 20) && n * k <= (1 << 26);
}

// b, stored (k, n), as a dense (n, k).
template <typename T>
const T* TransposedB(const FloatProduct<T>& p, int64_t b_stride) {
  constexpr int64_t kRows = 64;
  TRIT_CHECK(b_stride >= p.n);
  T* dense = ScratchOfThread().b.Get<T>(p.n * p.k);
  ParallelForBlocks(p.n, kRows, [&](int64_t begin, int64_t end) {
    TransposeRows(p.type, p.b + begin, b_stride, end - begin, p.k, dense + begin * p.k);
  });
  return dense;
}

template <typename T>
void FloatGemm(FloatProduct<T> p, int64_t b_stride, Transpose b_transpose) {
  TRIT_CHECK(p.m >= 0 && p.n >= 1 && p.k >= 1 && p.c_stride >= p.n);
  TRIT_CHECK(p.a_stride >= (p.a_transpose == Transpose::kYes ? p.m : p.k));
  if (b_transpose == Transpose::kYes) {
    p.b = Dense(p.b, p.n, p.k, b_stride, ScratchOfThread().b);
  } else if (TransposesB(p.type, p.n, p.k)) {
    p.b = TransposedB(p, b_stride);
    b_transpose = Transpose::kYes;
  } else {
    p.b = Dense(p.b, p.k, p.n, b_stride, ScratchOfThread().b);
  }
  const ProductKey key = TileKey(p.type, p.n, p.k, b_transpose, p.accumulate);
  p.product = OrDie([&] { return &Cached<Product>(key); });
  ParallelForBlocks(p.m, TileRows(),
                    [&](int64_t begin, int64_t end) { OrDie([&] { RunTile(p, begin, end); }); });
}

ProductKey IntegerKey(int64_t m, int64_t n, int64_t k, int64_t c_stride, bool accumulate) {
  return {.type = GemmType::kU8S8,
          .m = m,
          .n = n,
          .k = k,
          .b_transpose = true,
          .accumulate = accumulate,
          .c_stride = c_stride,
          .num_threads = InParallelRegion() ? 1 : NumThreads()};
}

// Without VNNI, oneDNN adds two products u8 * s8 in a saturating int16: exact for |b| <= 64 only,
// and so for trits.
bool IntegerGemmSaturates() {
  static const bool saturates = [] {
    constexpr int64_t kSize = 64;  // of m, n and k
    AlignedBuffer<uint8_t> a(kSize * kSize);
    AlignedBuffer<int8_t> b(kSize * kSize);
    AlignedBuffer<int32_t> c(kSize * kSize);
    std::fill(a.begin(), a.end(), uint8_t{255});
    std::fill(b.begin(), b.end(), int8_t{127});
    OrDie([&] {
      Product(IntegerKey(kSize, kSize, kSize, kSize, false)).Run(a.data(), b.data(), c.data());
    });
    return std::any_of(c.begin(), c.end(), [](int32_t v) { return v != 255 * 127 * kSize; });
  }();
  return saturates;
}

bool AnyAbove64(const int8_t* x, int64_t n) {
  std::atomic<bool> any = false;
  ParallelForBlocks(n, kTaskElements, [&](int64_t begin, int64_t end) {
    if (std::any_of(x + begin, x + end, [](int8_t v) { return v > 64 || v < -64; })) any = true;
  });
  return any;
}

}  // namespace

void ConvertToBF16(const float* x, int64_t n, BFloat16* out) {
  ParallelForBlocks(n, kTaskElements, [&](int64_t begin, int64_t end) {
    ScaleToBF16(x + begin, 1, end - begin, {}, out + begin);
  });
}

bool HasBF16Gemm() {
  static const bool has = [] {
    try {
      Product(TileKey(GemmType::kBF16, 64, 64, Transpose::kYes, false));
      return true;
    } catch (const dnnl::error&) {
      return false;
    }
  }();
  return has;
}

void GemmU8S8(int64_t m, int64_t n, int64_t k, const uint8_t* a, int64_t a_stride, const int8_t* b,
              int64_t b_stride, int32_t* c, int64_t c_stride) {
  TRIT_CHECK(m >= 0 && n >= 1 && k >= 1 && c_stride >= n);
  if (m == 0) return;
  const LibraryThreads threads(NumThreads());
  ThreadScratch& scratch = ScratchOfThread();
  a = Dense(a, m, k, a_stride, scratch.a);
  b = Dense(b, n, k, b_stride, scratch.b);
  const auto run = [&](const int8_t* weights, bool accumulate) {
    OrDie([&] { Cached<Product>(IntegerKey(m, n, k, c_stride, accumulate)).Run(a, weights, c); });
  };
  if (!IntegerGemmSaturates() || !AnyAbove64(b, n * k)) {
    run(b, false);
    return;
  }
  // c = a (b / 2) + a (b - b / 2)
  int8_t* half = scratch.c.Get<int8_t>(n * k);
  for (const int round_up : {0, 1}) {
    ParallelForBlocks(n * k, kTaskElements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) half[i] = static_cast<int8_t>((b[i] + round_up) >> 1);
    });
    run(half, round_up == 1);
  }
}

void GemmF32(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_stride,
             Transpose a_transpose, const float* b, int64_t b_stride, Transpose b_transpose,
             bool accumulate, float* c, int64_t c_stride) {
  FloatGemm(FloatProduct<float>{m, n, k, a, a_stride, a_transpose, b, accumulate, c, c_stride,
                                GemmType::kF32, nullptr},
            b_stride, b_transpose);
}

void GemmBF16(int64_t m, int64_t n, int64_t k, const BFloat16* a, int64_t a_stride,
              Transpose a_transpose, const BFloat16* b, int64_t b_stride, Transpose b_transpose,
              bool accumulate, float* c, int64_t c_stride) {
  FloatGemm(FloatProduct<BFloat16>{m, n, k, a, a_stride, a_transpose, b, accumulate, c, c_stride,
                                   GemmType::kBF16, nullptr},
            b_stride, b_transpose);
}

std::string GemmImplementation(const std::string& type, int64_t m, int64_t n, int64_t k) {
  TRIT_CHECK(type == "u8s8" || type == "f32" || type == "bf16");
  if (type == "bf16" && !HasBF16Gemm()) return "none";
  const ProductKey key = type == "u8s8" ? IntegerKey(m, n, k, n, false)
                                        : TileKey(type == "f32" ? GemmType::kF32 : GemmType::kBF16,
                                                  n, k, Transpose::kYes, false);
  return OrDie([&] { return Cached<Product>(key).implementation(); });
}

}  // namespace trit
