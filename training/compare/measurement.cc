#include "training/compare/measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "engine/error.h"
#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/model_file.h"
#include "engine/formats/model_summary.h"
#include "engine/speed_test.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"
#include "training/data/text_source.h"
#include "training/evaluation/evaluation.h"
#include "training/evaluation/inference_pass.h"
#include "training/run_tokenizer.h"
#include "training/trainer.h"

namespace trit {
namespace {

constexpr int64_t kDecodedTokens = 64;
// Of a model that decodes in no time, one repetition says little: more, up to a second of them.
constexpr int64_t kDecodeRepetitions = 5, kMaxDecodeRepetitions = 100;
constexpr double kDecodeSeconds = 1;

bool IsQuantized(const MeasurementRequest& request, const WeightInfo& info) {
  return info.kind == WeightKind::kLinear &&
         request.config.quantizer.For(info.name).weights != "none";
}

// What the matrices of the layers are stored as, and how many bits a weight of them takes.
struct MatrixStorage {
  std::set<std::string> formats;
  int64_t bytes = 0;
  int64_t weights = 0;

  void Store(std::string_view format, uint64_t num_bytes, const WeightInfo& info) {
    formats.emplace(format);
    bytes += static_cast<int64_t>(num_bytes);
    weights += info.NumElements();
  }
  void Describe(Measurement& measurement) const {
    measurement.format = fmt::format("{}", fmt::join(formats, ", "));
    measurement.bits_per_weight = 8 * static_cast<double>(bytes) / static_cast<double>(weights);
  }
};

// Why the file is not the model that it should be, if that is so: its quantized matrices are floats
// there, which would be computed with and take room as such. Else describes it.
std::string DescribeFile(const MeasurementRequest& request, const Model& model,
                         Measurement& measurement) {
  const GgufReader reader(request.gguf_path);
  MatrixStorage storage;
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const GgufTensorInfo& tensor = reader.RequireTensor(info.gguf_name);
    const TensorType type = tensor.type;
    const bool plain_floats =
        type == TensorType::kF32 || type == TensorType::kF16 || type == TensorType::kBF16;
    if (plain_floats && IsQuantized(request, info)) {
      return "no file format holds these codes and scales exactly";
    }
    storage.Store(InfoOf(type).name, tensor.size, info);
  }
  storage.Describe(measurement);
  measurement.bytes = static_cast<int64_t>(reader.file_size());
  return "";
}

void DescribeMemory(const Model& model, Measurement& measurement) {
  MatrixStorage storage;
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
    storage.Store(WeightFormatName(weight.matrix.format),
                  static_cast<uint64_t>(WeightBytes(weight)), info);
  }
  storage.Describe(measurement);
  measurement.bytes = WeightBytes(model);
}

// The exported file, loaded; or where it cannot be one, the model itself, and the reason.
std::unique_ptr<Model> Export(const MeasurementRequest& request, Model model,
                              Measurement& measurement) {
  // Of few bits, they are written as what they are.
  const WeightId embeddings = model.table.embed_tokens(), head = model.table.lm_head();
  const auto& quantizer = request.config.quantizer;
  const bool few_bits = quantizer.RuleFor(model.table[embeddings].name) != nullptr ||
                        quantizer.RuleFor(model.table[head].name) != nullptr;
  try {
    WriteGgufModel(model, request.gguf_path,
                   {.linear_type = std::nullopt,
                    .embedding_type = few_bits ? std::nullopt : std::optional(request.embeddings),
                    .round_scales = true});
    measurement.not_exported = DescribeFile(request, model, measurement);
    if (measurement.not_exported.empty()) return LoadModel(request.gguf_path, {});
    std::filesystem::remove(request.gguf_path);
  } catch (const UsageError& error) {  // what the format has no room for
    measurement.not_exported = error.info().what;
  }
  DescribeMemory(model, measurement);
  return std::make_unique<Model>(std::move(model));
}

void MeasureLoss(const Model& model, const TrainingConfig& config,
                 std::span<const int32_t> token_bytes, const EvaluationSource& validation,
                 Measurement& measurement) {
  InferencePass pass(model, config.train.micro_batch * config.data.sequence_length);
  const EvaluationResult result = Evaluate(
      validation,
      {.num_targets = config.train.eval_tokens,
       .rows_at_once = config.train.micro_batch,
       .token_bytes = token_bytes},
      [&pass](const LabeledBatch& rows, std::span<float> losses) { pass.Losses(rows, losses); });
  measurement.validation_loss = result.loss;
  measurement.validation_tokens = result.num_targets;
  measurement.bits_per_byte = result.bits_per_byte;
}

std::vector<double> DecodeSpeeds(const Model& model) {
  const int64_t num_tokens = std::min(kDecodedTokens, model.config.max_position_embeddings);
  const SpeedTest test{.generation = true, .num_tokens = num_tokens};
  std::vector<double> speeds = MeasureSpeed(model, test, kDecodeRepetitions);
  const double fastest = *std::min_element(speeds.begin(), speeds.end());
  const int64_t repetitions =
      std::min(kMaxDecodeRepetitions, static_cast<int64_t>(kDecodeSeconds / fastest));
  if (repetitions > kDecodeRepetitions) speeds = MeasureSpeed(model, test, repetitions);
  for (double& speed : speeds) speed = static_cast<double>(num_tokens) / speed;
  return speeds;
}

void RequireNumber(double loss, const MeasurementRequest& request, const char* who) {
  if (std::isfinite(loss)) return;
  throw Error(
      ErrorInfo{.what = fmt::format("the model's loss, as {} computes it, is no number", who),
                .file = request.checkpoint,
                .found = fmt::format("{}", loss)});
}

}  // namespace

Measurement MeasureModel(const MeasurementRequest& request, const RunQuestions& questions,
                         TrainingData& data) {
  TrainingConfig config = request.config;
  config.quantizer.ramp = {};  // what is measured is quantized altogether
  Measurement measurement;
  const std::shared_ptr<const Tokenizer> tokenizer = LoadRunTokenizer(request.tokenizer_file);
  std::vector<int32_t> token_bytes;
  if (tokenizer != nullptr) token_bytes = TokenByteCounts(*tokenizer, config.model.vocab_size);

  Trainer trainer(config, UsablePrecision(config), std::move(data), token_bytes);
  trainer.InitializeFrom(request.checkpoint);
  measurement.trainer_loss = trainer.Evaluate().loss;
  RequireNumber(measurement.trainer_loss, request, "the trainer");
  Model trained = trainer.model().MakeInferenceModel();
  trained.tokenizer = tokenizer;
  trained.chat_template = LoadRunChatTemplate(request.tokenizer_file);
  trained.name = std::filesystem::path(request.gguf_path).stem().string();

  const std::unique_ptr<Model> model = Export(request, std::move(trained), measurement);
  const EvaluationSource& validation = *trainer.data().validation;
  MeasureLoss(*model, config, token_bytes, validation, measurement);
  RequireNumber(measurement.validation_loss, request, "inference");
  if (!questions.empty()) {
    const RunQuestions::Score score = questions.Ask(*model);
    measurement.exact_match = score.exact_match;
    measurement.multiple_choice = score.multiple_choice;
  }
  measurement.decode_tokens_per_second = DecodeSpeeds(*model);
  measurement.machine =
      fmt::format("{}, {} thread{}", SimdTarget(), NumThreads(), NumThreads() == 1 ? "" : "s");
  if (request.wants_profile) {
    measurement.profile = ProfileModel(trainer.model().parameters(), *model, request.reference,
                                       ProfiledText(validation));
  }
  data = trainer.TakeData();
  return measurement;
}

}  // namespace trit
