#include "training/checkpoint.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/formats/safetensors.h"
#include "engine/tensors/float_codec.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"
#include "training/checkpoint_config.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kNorm = "model.norm.weight";
constexpr const char* kScale = "model.layers.0.mlp.up_proj.weight_scale";

std::vector<std::string> Names(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(fs::path(path).filename().string());
  return names;
}

// One tensor of a file to be made by hand.
struct Tensor {
  SafetensorsInfo info;
  std::string bytes;
};

std::vector<Tensor> ReadTensors(const std::string& path) {
  const SafetensorsReader reader(path);
  std::vector<Tensor> tensors;
  for (const SafetensorsInfo& info : reader.tensors()) {
    const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(info);
    tensors.push_back({info, std::string(bytes.begin(), bytes.end())});
  }
  return tensors;
}

void WriteTensors(const std::string& path, const std::vector<Tensor>& tensors) {
  std::vector<SafetensorsInfo> infos;
  for (const Tensor& tensor : tensors) infos.push_back(tensor.info);
  TensorFileWriter writer = CreateSafetensors(path, infos);
  for (const Tensor& tensor : tensors) {
    writer.WriteTensor(tensor.info.name, {reinterpret_cast<const uint8_t*>(tensor.bytes.data()),
                                          tensor.bytes.size()});
  }
  writer.Commit();
}

Tensor& Find(std::vector<Tensor>& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const Tensor& t) { return t.info.name == name; });
  BOOST_REQUIRE(found != tensors.end());
  return *found;
}

void SetFloat(Tensor& tensor, size_t index, float value) {
  std::memcpy(tensor.bytes.data() + index * sizeof(float), &value, sizeof(float));
}

BOOST_AUTO_TEST_CASE(RoundTripsToTheBit) {
  const TemporaryFolder run;
  TinyCheckpoint saved;
  saved.Fill(123);
  saved.state().best_validation_loss = 1.0 / 3.0;
  saved.state().best_validation_step = 100;
  saved.state().seed = INT64_MAX;
  const std::string path = saved.Save(run.path().string(), 0);
  BOOST_TEST(path == (run.path() / "checkpoints" / "step-000123").string());

  TinyCheckpoint loaded;
  loaded.Fill(7);
  BOOST_TEST((LoadCheckpoint(path, loaded.parameters()) == saved.state()));
  BOOST_TEST((loaded.Bytes() == saved.Bytes()));
}

BOOST_AUTO_TEST_CASE(LaysFilesOutAsHuggingFace) {
  const TemporaryFolder run;
  TinyCheckpoint saved;
  saved.Fill(5);
  saved.quantizer().rules.push_back({.match = "layers.0.*", .choice = {.weights = "int4"}});
  const std::vector<NamedBytes> files = {{"tokenizer.json", "{}"}, {"x.bin", std::string(3, '\0')}};
  const fs::path path = saved.Save(run.path().string(), 0, files);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  BOOST_TEST(names == std::vector<std::string>({"config.json", "model.safetensors",
                                                "optimizer.safetensors", "tokenizer.json",
                                                "trainer_state.json", "x.bin"}),
             boost::test_tools::per_element());
  BOOST_TEST(ReadBytes((path / "x.bin").string()) == std::string(3, '\0'));

  const SafetensorsReader model((path / "model.safetensors").string());
  BOOST_TEST(model.metadata().at("format") == "pt");
  BOOST_TEST(model.tensors().size() == saved.table().size());
  BOOST_TEST(model.RequireTensor(kEmbedding).shape == std::vector<int64_t>({20, 16}));
  BOOST_TEST(model.RequireTensor(kNorm).shape == std::vector<int64_t>({16}));
  BOOST_TEST(model.RequireTensor(kScale).shape == std::vector<int64_t>({24}));
  const SafetensorsReader optimizer((path / "optimizer.safetensors").string());
  BOOST_TEST(optimizer.tensors().size() == 2 * saved.table().size());
  BOOST_TEST(optimizer.RequireTensor("model.norm.weight.exp_avg").shape ==
             std::vector<int64_t>({16}));
  BOOST_TEST(optimizer.FindTensor("model.norm.weight.exp_avg_sq") != nullptr);

  const CheckpointModel config = ReadCheckpointConfig((path / "config.json").string());
  BOOST_TEST((config.model == TinyCheckpoint::Model()));
  BOOST_TEST((config.quantizer == saved.quantizer()));
}

BOOST_AUTO_TEST_CASE(ListsByStepAndIgnoresTheRest) {
  const TemporaryFolder run;
  BOOST_TEST(ListCheckpoints(run.path().string()).empty());
  BOOST_TEST(ListCheckpoints(run / "absent").empty());
  TinyCheckpoint checkpoint;
  for (const int64_t step : {1000000, 0, 99, 999999}) {
    checkpoint.Fill(step);
    checkpoint.Save(run.path().string(), 0);
  }
  const fs::path checkpoints = run.path() / "checkpoints";
  for (const char* name : {"step-12", "step-0000123", "step-00001x", "step--00001", "step-",
                           "other", ".tmp-step-000500", "step-99999999999999999999"}) {
    fs::create_directory(checkpoints / name);
  }
  WriteBytes((checkpoints / "step-000777").string(), "a file, no directory");
  BOOST_TEST(
      Names(ListCheckpoints(run.path().string())) ==
          std::vector<std::string>({"step-000000", "step-000099", "step-999999", "step-1000000"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(KeepsTheLatest) {
  const TemporaryFolder run;
  TinyCheckpoint checkpoint;
  for (int64_t step = 1; step <= 5; ++step) {
    checkpoint.Fill(step);
    checkpoint.Save(run.path().string(), step == 1 ? 0 : 2);
  }
  BOOST_TEST(Names(ListCheckpoints(run.path().string())) ==
                 std::vector<std::string>({"step-000004", "step-000005"}),
             boost::test_tools::per_element());
  checkpoint.Fill(6);
  checkpoint.Save(run.path().string(), 1);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(run.path() / "checkpoints")) {
    left.push_back(entry.path().filename().string());
  }
  BOOST_TEST(left == std::vector<std::string>({"step-000006"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(KeepsTheBestBesides) {
  const TemporaryFolder run;
  TinyCheckpoint checkpoint;
  for (int64_t step = 1; step <= 5; ++step) {
    checkpoint.Fill(step);
    checkpoint.Save(run.path().string(), 1, {}, /*best_step=*/2);
  }
  BOOST_TEST(Names(ListCheckpoints(run.path().string())) ==
                 std::vector<std::string>({"step-000002", "step-000005"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(LeftoversAreIgnoredAndRemoved) {
  const TemporaryFolder run;
  const fs::path checkpoints = run.path() / "checkpoints";
  fs::create_directories(checkpoints / ".tmp-step-000010" / "deep");
  WriteBytes((checkpoints / ".tmp-step-000010" / "model.safetensors").string(), "half");
  BOOST_TEST(ListCheckpoints(run.path().string()).empty());
  TinyCheckpoint checkpoint;
  checkpoint.Fill(10);
  checkpoint.Save(run.path().string(), 0);
  BOOST_TEST(!fs::exists(checkpoints / ".tmp-step-000010"));
  TinyCheckpoint loaded;
  LoadCheckpoint(ListCheckpoints(run.path().string()).back(), loaded.parameters());
  BOOST_TEST((loaded.Bytes() == checkpoint.Bytes()));
}

BOOST_AUTO_TEST_CASE(AStepIsSavedOnce) {
  const TemporaryFolder run;
  TinyCheckpoint checkpoint;
  checkpoint.Fill(10);
  const std::string path = checkpoint.Save(run.path().string(), 0);
  const auto time = fs::last_write_time(fs::path(path) / "model.safetensors");
  BOOST_TEST(checkpoint.Save(run.path().string(), 0) == path);
  BOOST_TEST((fs::last_write_time(fs::path(path) / "model.safetensors") == time));
}

BOOST_AUTO_TEST_CASE(CannotSaveIntoAFile) {
  const TemporaryFolder run;
  WriteBytes(run / "checkpoints", "a file");
  TinyCheckpoint checkpoint;
  checkpoint.Fill(1);
  BOOST_CHECK_THROW(checkpoint.Save(run.path().string(), 0), Error);
}

BOOST_AUTO_TEST_CASE(RefusesMalformedTensors) {
  const TemporaryFolder run;
  TinyCheckpoint checkpoint;
  checkpoint.Fill(3);
  const fs::path path = checkpoint.Save(run.path().string(), 0);
  const std::string model = (path / "model.safetensors").string();
  const std::string optimizer = (path / "optimizer.safetensors").string();
  const std::string moment = std::string(kNorm) + ".exp_avg";
  const std::string square = std::string(kNorm) + ".exp_avg_sq";
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();

  struct Case {
    std::string file;
    std::string message;
    std::function<void(std::vector<Tensor>&)> damage;
  };
  const auto erase = [](const std::string& name) {
    return [name](std::vector<Tensor>& tensors) {
      std::erase_if(tensors, [&](const Tensor& t) { return t.info.name == name; });
    };
  };
  const auto set = [](const std::string& name, float value) {
    return [name, value](std::vector<Tensor>& tensors) { SetFloat(Find(tensors, name), 3, value); };
  };
  const auto reshape = [](const std::string& name, std::vector<int64_t> shape) {
    return [name, shape](std::vector<Tensor>& tensors) { Find(tensors, name).info.shape = shape; };
  };
  const auto extra = [](std::vector<Tensor>& tensors) {
    tensors.push_back(tensors.front());
    tensors.back().info.name = "lm_head.weight";
  };
  const auto integers = [](const std::string& name) {
    return [name](std::vector<Tensor>& tensors) {
      Find(tensors, name).info.type = SafetensorsType::kI32;
    };
  };
  const Case cases[] = {
      {model, kNorm, erase(kNorm)},
      {model, kScale, erase(kScale)},  // may be missing in --init files only
      {model, kNorm, set(kNorm, nan)},
      {model, kEmbedding, set(kEmbedding, infinity)},
      {model, kEmbedding, reshape(kEmbedding, {16, 20})},
      {model, kEmbedding, reshape(kEmbedding, {320})},
      {model, kNorm, reshape(kNorm, {1, 16})},
      {model, kNorm, integers(kNorm)},
      {model, "no such tensor", extra},
      {optimizer, moment, erase(moment)},
      {optimizer, moment, set(moment, nan)},
      {optimizer, moment, reshape(moment, {4, 4})},
      {optimizer, moment, integers(moment)},
      {optimizer, square, erase(square)},
      {optimizer, square, set(square, -1e-30f)},
      {optimizer, square, set(square, infinity)},
      {optimizer, "no such tensor", extra},
  };
  for (const Case& c : cases) {
    const std::string original = ReadBytes(c.file);
    std::vector<Tensor> tensors = ReadTensors(c.file);
    c.damage(tensors);
    WriteTensors(c.file, tensors);
    const std::string text =
        ErrorText([&] { LoadCheckpoint(path.string(), checkpoint.parameters()); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, c.file));
    BOOST_TEST(Contains(text, c.message));
    WriteBytes(c.file, original);
  }
  LoadCheckpoint(path.string(), checkpoint.parameters());  // undamaged again
}

BOOST_AUTO_TEST_CASE(MissingFilesAreNamed) {
  const TemporaryFolder run;
  TinyCheckpoint checkpoint;
  checkpoint.Fill(3);
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "trainer_state.json"}) {
    const fs::path path = checkpoint.Save(run.path().string(), 0);
    fs::remove(path / name);
    const std::string text =
        ErrorText([&] { LoadCheckpoint(path.string(), checkpoint.parameters()); });
    BOOST_TEST(Contains(text, name));
    fs::remove_all(path);
  }
}

BOOST_AUTO_TEST_CASE(TruncatedWeightsAreRefused) {
  const TemporaryFolder run;
  TinyCheckpoint checkpoint;
  checkpoint.Fill(3);
  const fs::path path = checkpoint.Save(run.path().string(), 0);
  const std::string file = (path / "model.safetensors").string();
  const std::string bytes = ReadBytes(file);
  for (size_t size = 0; size < bytes.size(); size += 97) {
    WriteBytes(file, bytes.substr(0, size));
    BOOST_CHECK_THROW(LoadCheckpoint(path.string(), checkpoint.parameters()), Error);
  }
}

BOOST_AUTO_TEST_CASE(LoadsInitialWeightsOfOtherTypes) {
  const TemporaryFolder folder;
  TinyCheckpoint source;
  source.Fill(9);
  const std::string saved =
      (fs::path(source.Save(folder.path().string(), 0)) / "model.safetensors").string();
  for (const SafetensorsType type : {SafetensorsType::kF16, SafetensorsType::kBF16}) {
    std::vector<Tensor> tensors = ReadTensors(saved);
    for (Tensor& tensor : tensors) {
      std::string narrow(tensor.bytes.size() / 2, '\0');
      for (size_t i = 0; i < narrow.size() / 2; ++i) {
        float value;
        std::memcpy(&value, tensor.bytes.data() + i * sizeof(float), sizeof(float));
        // Values that overflow the narrow type would rightly be refused.
        if (!(std::abs(value) < 60000.0f)) value = 1.5f;
        const uint16_t bits = type == SafetensorsType::kF16 ? F32ToF16(value) : F32ToBF16(value);
        std::memcpy(narrow.data() + 2 * i, &bits, sizeof(bits));
      }
      tensor.info.type = type;
      tensor.bytes = narrow;
    }
    WriteTensors(folder / "init.safetensors", tensors);
    TinyCheckpoint loaded;
    BOOST_TEST(LoadWeights(folder / "init.safetensors", loaded.parameters()).empty());
    for (const Tensor& tensor : tensors) {
      const WeightId id = loaded.table().Find(tensor.info.name);
      const std::span<const float> values = loaded.parameters().Values(id);
      bool equal = true;
      for (size_t i = 0; i < values.size(); ++i) {
        uint16_t bits;
        std::memcpy(&bits, tensor.bytes.data() + 2 * i, sizeof(bits));
        const float expected = type == SafetensorsType::kF16 ? F16ToF32(bits) : BF16ToF32(bits);
        equal = equal && values[i] == expected;
      }
      BOOST_TEST(equal, tensor.info.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(InitialWeightsMayLackLearnedScales) {
  const TemporaryFolder folder;
  TinyCheckpoint source;
  source.Fill(9);
  const fs::path path = source.Save(folder.path().string(), 0);
  std::vector<Tensor> tensors = ReadTensors((path / "model.safetensors").string());
  std::erase_if(tensors, [](const Tensor& t) { return t.info.name == kScale; });
  WriteTensors(folder / "init.safetensors", tensors);
  TinyCheckpoint loaded;
  const std::vector<WeightId> missing =
      LoadWeights(folder / "init.safetensors", loaded.parameters());
  BOOST_TEST(missing == std::vector<WeightId>({loaded.table().Find(kScale)}));
  // A directory is as good as its file.
  BOOST_TEST(LoadWeights(path.string(), loaded.parameters()).empty());
}

// What PyTorch wrote (tests/data/training/make_goldens.py).
BOOST_AUTO_TEST_CASE(LoadsWeightsOfPyTorch) {
  ModelConfig config;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 16;
  config.vocab_size = 96;
  const WeightTable table(config);
  Parameters parameters(table);
  BOOST_TEST(LoadWeights(TRIT_TEST_DATA "/training/init.safetensors", parameters).empty());
  for (const WeightInfo& weight : table.weights()) {
    double sum = 0, squares = 0;
    for (const float value : parameters.Values(weight.id)) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    BOOST_TEST(squares > 0, weight.name);
    BOOST_TEST(std::isfinite(sum), weight.name);
  }
}

BOOST_AUTO_TEST_CASE(OtherConfigsAndDataAreRefused) {
  TrainerState state;
  state.config_fingerprint = "a";
  state.data_fingerprint = "b";
  RequireResumable(state, "a", "b", "dir");
  BOOST_TEST(Contains(ErrorText([&] { RequireResumable(state, "x", "b", "dir"); }), "config"));
  BOOST_TEST(Contains(ErrorText([&] { RequireResumable(state, "a", "x", "dir"); }), "other data"));
}

}  // namespace
}  // namespace trit
