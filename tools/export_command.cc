// trit export: a trained model as a GGUF file or a Hugging Face directory.
#include <fmt/format.h>

#include <iostream>
#include <memory>
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
#include "training/export_run.h"

namespace trit {
namespace {

constexpr const char* kExact = "exact";
constexpr const char* kAuto = "auto";

std::optional<TensorType> TypeNamed(const std::string& name) {
  if (name == kExact || name == kAuto) return std::nullopt;
  return FindTensorType(name)->type;
}

void Report(const std::string& path, const ExportDifference& difference) {
  Print(fmt::format("{}\n", path));
  std::cerr << fmt::format(
      "{}: against the trainer, on {} random tokens: logits differ by {:.2e} (relative L2), the "
      "loss by {:+.6f} nats a token\n",
      path, difference.num_tokens, difference.logit_difference,
      difference.loss_file - difference.loss_trainer);
}

}  // namespace

void RunExport(const Command& command, std::span<const std::string> arguments) {
  std::string run;
  std::optional<std::string> gguf;
  std::optional<std::string> hf;
  std::string type = kAuto;
  std::string embeddings = kExact;
  Options options(command, "trit export runs/first model.gguf --type tq2_0 --embeddings f16");
  options.Group("Input");
  options.RequiredArgument("RUN", run,
                           "directory of a run (its latest checkpoint), or a checkpoint");
  options.OptionalArgument("OUT.gguf", gguf, "file to write");
  options.Group("Format of the GGUF file");
  options.Choice(
      "type", type,
      {kAuto, kExact, "i2_s", "tq1_0", "tq2_0", "q2_0", "iq1_bn", "iq2_bn", "q4_0", "q4_1", "q8_0",
       "f32", "f16", "bf16"},
      "type of the matrices; exact rounds nothing: i2_s, or iq2_bn where that does not fit, for "
      "trits; auto does so too, but rounds the scales of integers to f16 to write them as q2_0, "
      "q4_0, q4_1 (with offsets) or q8_0");
  options.Choice(
      "embeddings", embeddings, {kExact, "f32", "f16", "bf16", "q8_0", "q6_k"},
      "type of embeddings and head; exact rounds nothing: f32, or q8_0 or q4_0 where they "
      "were trained as int8 or int4");
  options.Group("Other output");
  options.Text("hf", "DIR", hf,
               "write a Hugging Face directory, too: packed trits, other weights unrounded");
  bool ternarize = false;
  options.Flag("ternarize", ternarize,
               "round the matrices to trits now, whatever they were trained with (one scale a "
               "matrix, int8 activations)");
  if (!options.Parse(arguments)) return;
  if (!gguf && !hf) {
    throw UsageError(ErrorInfo{.what = "nothing to write", .expected = "OUT.gguf or --hf DIR"});
  }

  const auto quantization = ternarize ? std::optional(QuantizationConfig()) : std::nullopt;
  const std::unique_ptr<Model> trained = LoadTrainedModel(run, quantization);
  WarnOfShare(run);
  if (gguf) {
    WriteGgufModel(*trained, *gguf,
                   {.linear_type = TypeNamed(type),
                    .embedding_type = TypeNamed(embeddings),
                    .round_scales = type == kAuto,
                    .provenance = {{"general.source.url", run}}});
    Report(*gguf, CompareWithFile(*trained, *gguf));
  }
  if (hf) {
    WriteHfModel(*trained, *hf);
    Report(*hf, CompareWithFile(*trained, *hf));
  }
}

}  // namespace trit
