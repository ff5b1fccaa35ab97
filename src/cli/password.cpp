#include "password.hpp"

#include "error.hpp"
#include "show.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <span>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>

extern char** environ; // NOLINT(readability-redundant-declaration): POSIX has programs declare it

namespace postrider::cli {
namespace {

constexpr const char* variable = "POSTRIDER_PASSWORD";
constexpr std::size_t longest_password = 4096;

std::optional<secret>& from_environment() {
    static std::optional<secret> value;
    return value;
}

command_error source_error(const std::string& what, std::string next = {}) {
    return {exit_code::configuration, what, std::move(next)};
}

std::string system_says(int reason) {
    return std::generic_category().message(reason);
}

class descriptor {
  public:
    explicit descriptor(int value) noexcept : value_(value) {}
    ~descriptor() { reset(); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int value() const noexcept { return value_; }
    void reset() noexcept {
        if (value_ >= 0) {
            close(value_);
        }
        value_ = -1;
    }

  private:
    int value_;
};

// What a descriptor gives next; empty at its end.
std::string_view next_octets(int file, std::span<char> block, const std::string& source) {
    ssize_t count = -1;
    do {
        count = read(file, block.data(), block.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        throw source_error(fmt::format("{} cannot be read: {}", source, system_says(errno)));
    }
    return {block.data(), static_cast<std::size_t>(count)};
}

// The first line of what a descriptor gives. The rest is read and dropped, so that a command that says more
// is not killed by SIGPIPE.
secret first_line(int file, const std::string& source) {
    std::array<char, longest_password + 2> line{};
    std::array<char, 512> block{};
    std::size_t size = 0;
    bool ended = false;
    for (auto octets = next_octets(file, block, source); !octets.empty();
         octets = next_octets(file, block, source)) {
        const auto end = octets.find('\n');
        const auto part = octets.substr(0, ended ? 0 : end);
        size += part.copy(line.data() + size, line.size() - size);
        ended = ended || end != std::string_view::npos;
    }
    size -= size > 0 && line[size - 1] == '\r' ? 1 : 0;
    secret out(std::string_view(line.data(), size));
    wipe(line.data(), line.size());
    wipe(block.data(), block.size());
    if (out.empty()) {
        throw source_error(fmt::format("{} gives no password: its first line is empty", source));
    }
    if (out.size() > longest_password || out.reveal().find('\0') != std::string_view::npos) {
        throw source_error(
            fmt::format("{} gives no password: more than {} octets, or a NUL", source, longest_password));
    }
    return out;
}

secret from_file(const std::string& path) {
    const descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (file.value() < 0) {
        throw source_error(
            fmt::format("the password file {} cannot be opened: {}", path, system_says(errno)));
    }
    return first_line(file.value(), "the password file " + path);
}

secret from_command(const std::string& command) {
    std::array<int, 2> pipe_ends{};
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
        throw source_error("no pipe for the password command: " + system_says(errno));
    }
    const descriptor reading(pipe_ends[0]);
    descriptor writing(pipe_ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // Standard input may be the message.
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, writing.value(), STDOUT_FILENO);
    std::string script = command;
    std::string shell = "sh";
    std::string option = "-c";
    const std::array<char*, 4> arguments{shell.data(), option.data(), script.data(), nullptr};
    pid_t child = 0;
    const int failure = posix_spawn(&child, "/bin/sh", &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        throw source_error("the password command cannot be started: " + system_says(failure));
    }
    writing.reset();
    std::optional<secret> password;
    std::string complaint;
    try {
        password = first_line(reading.value(), "the password command");
    } catch (const command_error& error) {
        complaint = error.what();
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) { // says more than an empty output does
        throw source_error(WIFEXITED(status)
                               ? fmt::format("the password command ended with status {}", WEXITSTATUS(status))
                               : fmt::format("the password command was ended by signal {}", WTERMSIG(status)),
                           "run it by hand to see why; its standard error is shown above, if it wrote any");
    }
    if (!password) {
        throw source_error(complaint);
    }
    return std::move(*password);
}

// The terminal without echo for as long as this lives. Signals wait meanwhile: one that ended us would leave
// the terminal without echo.
class hidden_input {
  public:
    explicit hidden_input(int terminal) : terminal_(terminal) {
        sigemptyset(&waiting_);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) {
            sigaddset(&waiting_, number);
        }
        sigprocmask(SIG_BLOCK, &waiting_, &before_);
        tcgetattr(terminal_, &shown_);
        termios hidden = shown_;
        hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        hidden.c_lflag |= ECHONL;
        tcsetattr(terminal_, TCSAFLUSH, &hidden);
    }
    ~hidden_input() {
        tcsetattr(terminal_, TCSAFLUSH, &shown_);
        sigprocmask(SIG_SETMASK, &before_, nullptr); // and now the signal that came, if one did
    }
    hidden_input(const hidden_input&) = delete;
    hidden_input& operator=(const hidden_input&) = delete;

    // False: a signal came.
    bool wait_for_line() const {
        const descriptor signals(signalfd(-1, &waiting_, SFD_CLOEXEC));
        std::array<pollfd, 2> both{pollfd{terminal_, POLLIN, 0}, pollfd{signals.value(), POLLIN, 0}};
        while (poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
        }
        return both[1].revents == 0;
    }

  private:
    int terminal_;
    sigset_t waiting_{};
    sigset_t before_{};
    termios shown_{};
};

std::optional<secret> from_terminal(const std::string& user) {
    const descriptor terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (terminal.value() < 0) {
        return std::nullopt;
    }
    const std::string prompt = fmt::format("Password for {}: ", printable(user));
    std::array<char, longest_password + 2> line{};
    ssize_t count = -1;
    {
        const hidden_input hidden(terminal.value());
        if (write(terminal.value(), prompt.data(), prompt.size()) > 0 && hidden.wait_for_line()) {
            count = read(terminal.value(), line.data(), line.size());
        }
    }
    while (count > 0 && (line[static_cast<std::size_t>(count) - 1] == '\n' ||
                         line[static_cast<std::size_t>(count) - 1] == '\r')) {
        --count;
    }
    secret out(std::string_view(line.data(), count > 0 ? static_cast<std::size_t>(count) : 0));
    wipe(line.data(), line.size());
    if (out.empty()) {
        throw usage_error("no password was typed");
    }
    return out;
}

} // namespace

void take_password_variable() {
    char* const value = std::getenv(variable);
    if (value == nullptr) {
        return;
    }
    const std::size_t size = std::strlen(value);
    if (size > 0) {
        from_environment().emplace(std::string_view(value, size));
    }
    wipe(value, size);
    unsetenv(variable);
}

secret find_password(const connection_choice& chosen, const account* from, const std::string& user) {
    if (!chosen.password_command.empty()) {
        return from_command(chosen.password_command);
    }
    if (!chosen.password_file.empty()) {
        return from_file(chosen.password_file);
    }
    if (chosen.password_fd) {
        return first_line(*chosen.password_fd,
                          fmt::format("the password's descriptor {}", *chosen.password_fd));
    }
    if (from_environment()) {
        return *from_environment();
    }
    if (from != nullptr && !from->password.empty()) {
        return from->password;
    }
    if (from != nullptr && !from->password_command.empty()) {
        return from_command(from->password_command);
    }
    if (from != nullptr && !from->password_file.empty()) {
        return from_file(from->password_file);
    }
    if (auto typed = from_terminal(user)) {
        return std::move(*typed);
    }
    throw usage_error(fmt::format("there is no password for {}, and no terminal to ask at", user),
                      "use --password-command, --password-file, --password-fd or the variable "
                      "POSTRIDER_PASSWORD");
}

} // namespace postrider::cli
