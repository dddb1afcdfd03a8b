#include "training/logs/metrics_log.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/error.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

StepMetrics Metrics(int64_t step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = 8.0 / (1.0 + static_cast<double>(step));
  metrics.grad_norm = 1.5;
  metrics.learning_rate = 1e-5;
  metrics.tokens_per_second = 12345.678;
  metrics.elapsed_seconds = 0.5 * static_cast<double>(step);
  if (step % 3 == 0) {
    metrics.validation_loss = 3.25;
    metrics.bits_per_byte = 1.125;
  }
  return metrics;
}

std::string Lines(int64_t begin, int64_t end) {
  std::string lines;
  for (int64_t step = begin; step < end; ++step) lines += MetricsToJson(Metrics(step)) + "\n";
  return lines;
}

BOOST_AUTO_TEST_CASE(OneObjectALine) {
  BOOST_TEST(MetricsToJson(Metrics(1)) ==
             "{\"step\":1,\"loss\":4,\"grad_norm\":1.5,\"learning_rate\":1e-05,"
             "\"tokens_per_second\":12345.678,\"elapsed_seconds\":0.5}");
  BOOST_TEST(MetricsToJson(Metrics(3)) ==
             "{\"step\":3,\"loss\":2,\"grad_norm\":1.5,\"learning_rate\":1e-05,"
             "\"tokens_per_second\":12345.678,\"elapsed_seconds\":1.5,"
             "\"validation_loss\":3.25,\"bits_per_byte\":1.125}");
}

BOOST_AUTO_TEST_CASE(NineDigitsKeepAFloat) {
  StepMetrics metrics = Metrics(1);
  for (const float loss : {0.1f, 3.14159274f, 1e-30f, 16777217.0f, 1.17549435e-38f}) {
    metrics.loss = static_cast<double>(loss);
    const nlohmann::json parsed = nlohmann::json::parse(MetricsToJson(metrics));
    BOOST_TEST(parsed["loss"].get<float>() == loss);
  }
  metrics.loss = 1.0 / 3.0;
  BOOST_TEST(Contains(MetricsToJson(metrics), "\"loss\":0.333333333,"));
}

BOOST_AUTO_TEST_CASE(WhatIsNotFiniteIsNull) {
  StepMetrics metrics = Metrics(3);
  metrics.loss = std::numeric_limits<double>::quiet_NaN();
  metrics.grad_norm = std::numeric_limits<double>::infinity();
  metrics.validation_loss = -std::numeric_limits<double>::infinity();
  const nlohmann::json parsed = nlohmann::json::parse(MetricsToJson(metrics));
  BOOST_TEST(parsed["loss"].is_null());
  BOOST_TEST(parsed["grad_norm"].is_null());
  BOOST_TEST(parsed["validation_loss"].is_null());
}

BOOST_AUTO_TEST_CASE(LinesAreThereAtOnce) {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics.jsonl";
  MetricsLog log(folder.path().string(), 0);
  for (int64_t step = 0; step < 4; ++step) {
    log.Append(Metrics(step));
    BOOST_TEST(ReadBytes(path) == Lines(0, step + 1));
  }
}

BOOST_AUTO_TEST_CASE(TheTableHasTheSame) {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics.csv";
  const std::string header =
      "step,loss,grad_norm,learning_rate,tokens_per_second,elapsed_seconds,"
      "model_flops_utilization,validation_loss,bits_per_byte,multiple_choice,exact_match,"
      "zero_share,flip_rate,skipped\n";
  StepMetrics second = Metrics(1);
  second.skipped = true;
  second.zero_share = 0.25;
  const std::string first_line = "0,8,1.5,1e-05,12345.678,0,,3.25,1.125,,,,,0\n";
  const std::string second_line = "1,4,1.5,1e-05,12345.678,0.5,,,,,,0.25,,1\n";
  {
    MetricsLog log(folder.path().string(), 0);
    BOOST_TEST(ReadBytes(path) == header);
    log.Append(Metrics(0));
    log.Append(second);
  }
  BOOST_TEST(ReadBytes(path) == header + first_line + second_line);
  WriteBytes(path, header + first_line + second_line + "2,3.1");
  MetricsLog(folder.path().string(), 1);
  BOOST_TEST(ReadBytes(path) == header + first_line);
  WriteBytes(path, header + "x,1\n");
  const std::string text = ErrorText([&] { MetricsLog(folder.path().string(), 1); });
  BOOST_TEST(Contains(text, "metrics.csv:2: the first column is no step"));
}

// As if the run had never been killed: steps 0 to 9, a checkpoint at 6, killed, continued.
BOOST_AUTO_TEST_CASE(ContinuesAtAStep) {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics.jsonl";
  struct Case {
    const char* tail;  // what was being written when the process was killed
    int64_t resume_at;
  };
  const Case cases[] = {
      {"", 6}, {"{\"step\":10,\"lo", 6}, {"{\"step\":10,\"loss\":1}", 10}, {"", 10}, {"", 100},
      {"{", 0}};
  for (const Case& c : cases) {
    WriteBytes(path, Lines(0, 10) + c.tail);
    MetricsLog log(folder.path().string(), c.resume_at);
    const int64_t kept = std::min<int64_t>(c.resume_at, 10);
    BOOST_TEST(ReadBytes(path) == Lines(0, kept));
    for (int64_t step = kept; step < 12; ++step) log.Append(Metrics(step));
    BOOST_TEST(ReadBytes(path) == Lines(0, 12));
  }
}

BOOST_AUTO_TEST_CASE(KeepsKeysItDoesNotKnow) {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics.jsonl";
  const std::string lines = "{\"step\": 0, \"flips\": [1, 2]}\n{\"step\": 1}\n";
  WriteBytes(path, lines + "{\"step\": 2}\n");
  MetricsLog log(folder.path().string(), 2);
  BOOST_TEST(ReadBytes(path) == lines);
}

BOOST_AUTO_TEST_CASE(RefusesOtherFiles) {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics.jsonl";
  struct Case {
    const char* line;
    const char* message;
  };
  const Case cases[] = {{"{\"loss\": 1}", "step: missing"},
                        {"{\"step\": \"x\"}", "step: wrong type"},
                        {"{\"step\": 1", "not valid JSON"},
                        {"", "not valid JSON"},
                        {"[1]", "expected an object"}};
  for (const Case& c : cases) {
    const std::string bytes = Lines(0, 1) + c.line + "\n" + Lines(2, 3);
    WriteBytes(path, bytes);
    const std::string text = ErrorText([&] { MetricsLog(folder.path().string(), 2); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, path + ":2: "));
    BOOST_TEST(Contains(text, c.message));
    BOOST_TEST(ReadBytes(path) == bytes);  // untouched
  }
  BOOST_TEST(Contains(ErrorText([&] { MetricsLog(folder / "absent", 0); }), "absent"));
}

}  // namespace
}  // namespace trit
