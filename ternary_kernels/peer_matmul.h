// oneDNN's matrix product as it runs on its own: all threads, weights in the layout it likes best.
// What kernels are measured beside; nothing in the program uses it.
#ifndef TRIT_TERNARY_KERNELS_PEER_MATMUL_H_
#define TRIT_TERNARY_KERNELS_PEER_MATMUL_H_

#include <cstdint>
#include <memory>
#include <string>

namespace trit {

enum class PeerType : uint8_t { kU8S8, kBF16, kF32 };

const char* PeerTypeName(PeerType type);  // "u8s8", "bf16", "f32"

// A (num_tokens, cols) x (cols, rows) product of random numbers. u8s8 gives int32, the others f32.
class PeerMatmul {
 public:
  // Null if oneDNN has no such product on this CPU.
  static std::unique_ptr<PeerMatmul> Make(PeerType type, int64_t num_tokens, int64_t rows,
                                          int64_t cols);
  virtual ~PeerMatmul() = default;
  virtual void Run() = 0;
  // oneDNN's name for what runs, such as "brg:avx512_core_vnni".
  virtual std::string Implementation() const = 0;
};

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_PEER_MATMUL_H_
