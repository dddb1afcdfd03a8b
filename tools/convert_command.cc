// trit convert: a model from one kind of file to another.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "engine/error.h"
#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/hf_model_writer.h"
#include "engine/tensors/tensor_type.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"

namespace trit {
namespace {

constexpr const char* kExact = "exact";

std::optional<TensorType> TypeNamed(const std::string& name) {
  if (name == kExact) return std::nullopt;
  return FindTensorType(name)->type;
}

}  // namespace

void RunConvert(const Command& command, std::span<const std::string> arguments) {
  ModelSource source;
  std::string destination;
  std::string type = kExact;
  std::string embeddings = kExact;
  Options options(command, "trit convert model-directory model.gguf --type tq2_0 --embeddings f16");
  options.Group("Input");
  options.RequiredArgument(
      "SRC", source.path,
      "GGUF file, Hugging Face directory, llama2.c checkpoint, or training run");
  options.RequiredArgument("DST", destination,
                           "file to write if it ends in .gguf, else a Hugging Face directory");
  options.Text(
      "tokenizer", "FILE", source.tokenizer,
      "tokenizer to take instead of the model's: tokenizer.json, a SentencePiece .model, a "
      ".gguf or llama2.c's tokenizer.bin");
  source.DeclareLayout(options);
  options.Group("Format of a GGUF file");
  options.Choice("type", type,
                 {kExact, "i2_s", "tq1_0", "tq2_0", "q2_0", "iq1_bn", "iq2_bn", "q4_0", "q4_1",
                  "q8_0", "f32", "f16", "bf16", "q6_k"},
                 "type of the matrices; exact rounds nothing: i2_s, or iq2_bn where that does not "
                 "fit, for trits; q2_0, q4_0, q4_1 or q8_0 for integers whose scales f16 has; and "
                 "what dense matrices are stored in");
  options.Choice("embeddings", embeddings, {kExact, "f32", "f16", "bf16", "q8_0", "q6_k"},
                 "type of embeddings and head");
  if (!options.Parse(arguments)) return;

  const std::unique_ptr<Model> model = LoadModelFor(source);
  if (destination.ends_with(".gguf")) {
    WriteGgufModel(*model, destination,
                   {.linear_type = TypeNamed(type),
                    .embedding_type = TypeNamed(embeddings),
                    .provenance = {{"general.source.url", source.path}}});
  } else {
    if (type != kExact || embeddings != kExact) {
      throw UsageError(ErrorInfo{.what = "a Hugging Face directory is written without rounding",
                                 .key = type != kExact ? "--type" : "--embeddings",
                                 .expected = kExact,
                                 .found = type != kExact ? type : embeddings});
    }
    WriteHfModel(*model, destination);
  }
  Print(fmt::format("{}\n", destination));
}

}  // namespace trit
