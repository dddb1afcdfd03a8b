// Writes GGUF files, version 3.
#ifndef TRIT_ENGINE_FORMATS_GGUF_WRITER_H_
#define TRIT_ENGINE_FORMATS_GGUF_WRITER_H_

#include <string>
#include <vector>

#include "engine/formats/gguf_format.h"
#include "engine/formats/gguf_metadata.h"
#include "engine/formats/tensor_file_writer.h"

namespace trit {

// Writes the header and returns a writer that expects the tensors in this order. Of each tensor,
// name, type and dims are to be filled in. Tensors are aligned to general.alignment, else to 32.
// Throws Error if a key, name, value or size breaks a rule of the format that readers insist on, or
// if the file cannot be written.
TensorFileWriter CreateGguf(const std::string& path, const GgufMetadata& metadata,
                            std::vector<GgufTensorInfo> tensors);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_WRITER_H_
