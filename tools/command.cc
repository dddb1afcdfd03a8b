#include "tools/command.h"

#include <array>

namespace trit {
namespace {

constexpr std::string_view kTrain = "Train a model";
constexpr std::string_view kConvert = "Convert a model";
constexpr std::string_view kRun = "Run a model";
constexpr std::string_view kMeasure = "Measure a model";
constexpr std::string_view kLook = "Look into files";

constexpr std::array kCommands = {
    Command{kTrain, "data", "Turns text into token files and trains tokenizers.", RunData},
    Command{kTrain, "train", "Trains a model from a config file.", RunTrain},
    Command{kTrain, "report", "Shows runs as one HTML page.", RunReportCommand},
    Command{kTrain, "compare", "Trains, rounds and measures models with different quantizers.",
            RunCompare},
    Command{kTrain, "export", "Writes a trained model as a GGUF file or a Hugging Face directory.",
            RunExport},
    Command{kConvert, "quantize", "Rounds a model in full precision to few bits, after training.",
            RunQuantize},
    Command{kConvert, "convert",
            "Converts between GGUF types, Hugging Face directories and llama2.c checkpoints.",
            RunConvert},
    Command{kRun, "chat", "Holds a conversation.", RunChat},
    Command{kRun, "generate", "Completes a prompt.", RunGenerate},
    Command{kMeasure, "perplexity", "Scores a text: likelihood, perplexity, bits per byte.",
            RunPerplexity},
    Command{kMeasure, "evaluate", "Asks questions: multiple choice, exact match.", RunEvaluate},
    Command{kMeasure, "bench", "Measures prompt and generation speed.", RunBench},
    Command{kMeasure, "logits", "Prints the logits of every position, to compare engines.",
            RunLogits},
    Command{kLook, "inspect", "Shows what is in a model file or checkpoint.", RunInspect},
    Command{kLook, "tokenize", "Turns text into token ids, or ids into text.", RunTokenize},
};

}  // namespace

std::span<const Command> Commands() { return kCommands; }

}  // namespace trit
