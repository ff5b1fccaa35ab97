// error.hpp - why the command cannot go on, before or beside the dialogue with a server.
#pragma once

#include <stdexcept>
#include <string>

namespace postrider::cli {

/// The exit codes of sysexits(3) that the command uses, and its own 1 and 2.
namespace exit_code {
inline constexpr int delivered = 0;
inline constexpr int partly = 1;
inline constexpr int in_doubt = 2;
inline constexpr int usage = 64;
inline constexpr int data = 65;
inline constexpr int no_host = 68;
inline constexpr int refused = 69;
inline constexpr int internal = 70;
inline constexpr int output = 74;
inline constexpr int temporary = 75;
inline constexpr int protocol = 76;
inline constexpr int authentication = 77;
inline constexpr int configuration = 78;
} // namespace exit_code

/// Ends the command: what() says what is wrong, next() what to do about it. Both may quote foreign text.
class command_error : public std::runtime_error {
  public:
    command_error(int exit, const std::string& what, std::string next = {})
        : std::runtime_error(what), next_(std::move(next)), exit_(exit) {}

    int exit() const noexcept { return exit_; }
    const std::string& next() const noexcept { return next_; }

  private:
    std::string next_;
    int exit_;
};

inline command_error usage_error(const std::string& what, std::string next = {}) {
    return {exit_code::usage, what, std::move(next)};
}

} // namespace postrider::cli
