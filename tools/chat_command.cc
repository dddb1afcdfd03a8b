// trit chat: a conversation, on a terminal, through a pipe, or as JSON lines.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/chat/chat_json.h"
#include "engine/chat/conversation.h"
#include "engine/error.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/line_editor.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/sampling_flags.h"

namespace trit {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

constexpr char kChatHelp[] =
    "/help            this list\n"
    "/system [TEXT]   set (or remove) the system message and begin anew\n"
    "/reset           begin anew\n"
    "/retry           another answer to the last question\n"
    "/stats           speed of the last answer, and how full the context is\n"
    "/quit            leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer. The oldest turns are forgotten when the context is full.\n";

volatile std::sig_atomic_t interrupted = 0;

void OnInterrupt(int) { interrupted = 1; }

struct ChatOptions {
  ModelSource model;
  std::optional<std::string> chat_template;
  std::optional<std::string> system;
  std::optional<int64_t> context;
  int64_t max_answer_tokens = 512;
  int64_t prompt_threads = 0;
  bool json = false;
  SamplingOptions sampling;
};

bool ParseOptions(const Command& command, std::span<const std::string> arguments,
                  ChatOptions& chat) {
  Options options(command, "trit chat -m model.gguf --temp 0.7");
  options.Group("Conversation");
  chat.model.Declare(options);
  options.Text("system", "TEXT", chat.system, "system message");
  options.Text("chat-template", "NAME", chat.chat_template,
               "format of the conversation, instead of the file's: chatml, llama3, bitnet, "
               "falcon3, falcon_e");
  options.Group("Length");
  options.Integer("n,predict", "N", chat.max_answer_tokens, 1, kMaxInt, "tokens an answer at most");
  options.Integer("ctx", "N", chat.context, 1, kMaxInt,
                  "tokens of the conversation that are remembered (default: the model's context)");
  DeclareSamplingFlags(options, chat.sampling);
  options.Group("Speed");
  options.PromptThreads(chat.prompt_threads);
  options.Group("Output");
  options.Flag("json", chat.json,
               "each line of input is {\"messages\": [...]}, answered by {\"content\": ...}; an "
               "assistant's message at the end is left out and answered anew");
  return options.Parse(arguments);
}

ChatTemplate TemplateFor(const ChatOptions& chat, const Model& model) {
  if (chat.chat_template) return ChatTemplate::Named(*chat.chat_template);
  if (model.chat_template.empty()) {
    throw Error(ErrorInfo{.what = "the model says nothing of a chat format",
                          .file = chat.model.path,
                          .hint = "name one with --chat-template, or use trit generate"});
  }
  return ChatTemplate::FromJinja(model.chat_template, chat.model.path);
}

std::string StatsText(const AnswerStats& stats, const Conversation& conversation) {
  const auto rate = [](int64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0.0;
  };
  return fmt::format(
      "prompt: {} tokens new, {} from the cache, {:.1f} tokens/s\n"
      "answer: {} tokens, {:.1f} tokens/s\n"
      "context: {} of {} tokens\n",
      stats.prompt_tokens, stats.reused_tokens, rate(stats.prompt_tokens, stats.prompt_seconds),
      stats.answer_tokens, rate(stats.answer_tokens, stats.generation_seconds),
      conversation.context_used(), conversation.context_length());
}

// Prints an answer as it comes.
AnswerStats AnswerAloud(Conversation& conversation) {
  interrupted = 0;
  const AnswerStats stats = conversation.Answer([](std::string_view text) {
    Print(text);
    FlushOutput();
    return interrupted == 0;
  });
  Print("\n");
  FlushOutput();
  if (stats.dropped_messages > 0) {
    std::cerr << fmt::format("[the context is full: the oldest {} messages were forgotten]\n",
                             stats.dropped_messages);
  }
  if (stats.stop_reason == StopReason::kMaxTokens) {
    std::cerr << "[stopped at the length limit; -n raises it]\n";
  } else if (stats.stop_reason == StopReason::kContextFull) {
    std::cerr << "[the context is full]\n";
  }
  return stats;
}

// A person at a terminal.
class Dialogue {
 public:
  explicit Dialogue(Conversation& conversation) : conversation_(conversation), editor_("> ") {}

  void Run() {
    std::signal(SIGINT, OnInterrupt);
    Print("Type a message, or /help. Ctrl-D ends.\n");
    FlushOutput();
    std::string line;
    while (true) {
      switch (editor_.Read(line)) {
        case LineEditor::Event::kEnd:
          Print("\n");
          return;
        case LineEditor::Event::kInterrupt:
          continue;
        case LineEditor::Event::kLine:
          if (!Handle(line)) return;
      }
    }
  }

 private:
  // False: leave.
  bool Handle(const std::string& line) {
    if (line.find_first_not_of(" \t") == std::string::npos) return true;
    if (!line.starts_with('/')) {
      conversation_.AddUser(line);
      Answer();
      return true;
    }
    const size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
    if (name == "/quit" || name == "/exit") return false;
    if (name == "/help") {
      Print(kChatHelp);
    } else if (name == "/system") {
      conversation_.SetSystem(argument);
    } else if (name == "/reset") {
      conversation_.Reset();
    } else if (name == "/retry") {
      if (conversation_.RemoveLastAnswer()) {
        Answer();
      } else {
        Print("there is no answer yet\n");
      }
    } else if (name == "/stats") {
      Print(StatsText(stats_, conversation_));
    } else {
      Print(fmt::format("unknown command {}; /help lists them\n", name));
    }
    FlushOutput();
    return true;
  }

  // A message that cannot be answered does not end the conversation.
  void Answer() {
    try {
      stats_ = AnswerAloud(conversation_);
    } catch (const Error& error) {
      std::cerr << error.what() << "\n";
      conversation_.RemoveLastUser();
    }
  }

  Conversation& conversation_;
  LineEditor editor_;
  AnswerStats stats_;
};

// Each line of input is a turn.
void AnswerLines(Conversation& conversation) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    conversation.AddUser(line);
    AnswerAloud(conversation);
  }
}

void AnswerJsonLines(Conversation& conversation) {
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.empty()) continue;
    std::vector<ChatMessage> messages =
        ParseChatMessages(line, fmt::format("standard input:{}", number));
    if (messages.back().role == "assistant") messages.pop_back();
    if (messages.empty()) {
      throw Error(
          ErrorInfo{.what = "nothing to answer", .file = fmt::format("standard input:{}", number)});
    }
    conversation.SetMessages(std::move(messages));
    conversation.Answer([](std::string_view) { return true; });
    const nlohmann::json answer = {{"content", conversation.messages().back().content}};
    Print(answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    FlushOutput();
  }
}

}  // namespace

void RunChat(const Command& command, std::span<const std::string> arguments) {
  ChatOptions chat;
  if (!ParseOptions(command, arguments, chat)) return;
  const std::unique_ptr<Model> model = LoadModelFor(chat.model);
  const int64_t model_context = model->config.max_position_embeddings;
  if (chat.context.value_or(1) > model_context) {
    throw UsageError(ErrorInfo{.what = "more than the model's context",
                               .key = "--ctx",
                               .expected = fmt::format("at most {}", model_context),
                               .found = std::to_string(*chat.context)});
  }
  Conversation conversation(*model, TemplateFor(chat, *model),
                            {.session = {.context_length = chat.context.value_or(0),
                                         .prompt_threads = static_cast<int>(chat.prompt_threads)},
                             .sampling = chat.sampling,
                             .max_answer_tokens = chat.max_answer_tokens});
  if (chat.system) conversation.SetSystem(*chat.system);
  if (chat.json) {
    AnswerJsonLines(conversation);
  } else if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
    Dialogue(conversation).Run();
  } else {
    AnswerLines(conversation);
  }
}

}  // namespace trit
