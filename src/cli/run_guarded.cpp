#include "run_guarded.hpp"

#include "error.hpp"
#include "password.hpp"
#include "report.hpp"
#include "show.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

namespace postrider::cli {
namespace {

int say(std::string_view command, bool json, const command_error& error) {
    std::fputs(problem_text(error).c_str(), stderr);
    if (json && error.exit() != exit_code::output) {
        const std::string text = error_json(command, error);
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    }
    return error.exit();
}

} // namespace

int run_guarded(std::string_view command, bool json, const std::function<int()>& work) {
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of fwrite(), said in a sentence
    try {
        take_password_variable();
        return work();
    } catch (const command_error& error) {
        return say(command, json, error);
    } catch (const std::bad_alloc&) {
        return say(command, json, {exit_code::temporary, "no memory was left"});
    } catch (const std::exception& error) {
        return say(command, json,
                   {exit_code::internal, error.what(), "this should not happen: please report it"});
    }
}

void print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw command_error(exit_code::output,
                            "standard output cannot be written: " + std::generic_category().message(errno));
    }
}

void print_transcript_line(const transcript_line& line, bool of_several) {
    const char* arrow = line.sent ? (line.tls ? "~> " : "-> ") : (line.tls ? "<~ " : "<- ");
    std::string text = of_several ? "[" + std::to_string(line.connection) + "] " : "";
    text.append(arrow).append(line.text).append("\n");
    std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace postrider::cli
