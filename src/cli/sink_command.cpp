#include "sink_command.hpp"

#include "sink/show.hpp"
#include "sink/sink.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace postrider::cli {
namespace {

constexpr int exit_usage = 64;
constexpr int exit_unavailable = 69;
constexpr int exit_output = 74;
constexpr int exit_configuration = 78;

// A mistake in the options: said with its cause and the next step, then exit 64.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct output_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct options {
    sink::config server;
    std::string tls = "none";
    std::string password_file;
    std::string password_variable;
    std::string write_cert;
    std::string port_file;
    std::vector<std::string> without;
    std::vector<std::string> reject_sender;
    std::vector<std::string> reject_recipient;
    std::vector<std::string> reject_delivery;
    std::string reject_content;
    std::vector<std::string> faults;
    unsigned delay = 0;
    double idle_seconds = 300;
    std::size_t body_lines = 10;
    bool quiet = false;
    bool json = false;
    bool verbose = false;
};

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// "550" or "550 5.7.1 Go away".
bool starts_with_code(std::string_view text) noexcept {
    return text.size() >= 3 && is_digit(text[0]) && is_digit(text[1]) && is_digit(text[2]) &&
           (text.size() == 3 || text[3] == ' ');
}

void split_code(std::string_view text, int& code, std::string& rest) {
    code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    rest = text.size() > 4 ? text.substr(4) : std::string_view();
}

std::string capitals(std::string text) {
    for (auto& c : text)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

// PATTERN[=CODE[ TEXT]]; an '=' that no code follows belongs to the pattern.
sink::refusal parse_refusal(const std::string& text) {
    sink::refusal out{text, 550, {}};
    for (auto at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
        if (!starts_with_code(std::string_view(text).substr(at + 1)))
            continue;
        out.pattern = text.substr(0, at);
        split_code(std::string_view(text).substr(at + 1), out.code, out.text);
        break;
    }
    if (out.pattern.empty())
        throw usage_error(
            fmt::format("\"{}\" has no pattern: write for example 'bob@*=550 5.1.1 No such user'", text));
    return out;
}

void parse_fault(const std::string& text, sink::config& server) {
    const auto equals = text.find('=');
    const auto where = sink::stage_from_name(text.substr(0, equals));
    const auto what = equals == std::string::npos ? std::string() : text.substr(equals + 1);
    if (!where)
        throw usage_error(fmt::format(
            "--fail {}: the stages are connect, ehlo, helo, starttls, handshake, auth, mail, rcpt, "
            "data, content, end and quit",
            text));
    auto& fault = server.faults[static_cast<std::size_t>(*where)];
    using kind = sink::fault::kind;
    if (what == "close" || what == "reset" || what == "stall") {
        fault.what = what == "close" ? kind::close : what == "reset" ? kind::reset : kind::stall;
    } else if (starts_with_code(what)) {
        fault.what = kind::reply;
        split_code(what, fault.code, fault.text);
    } else {
        throw usage_error(fmt::format("--fail {}: say STAGE=close, reset, stall or a reply as in {}=451",
                                      text, sink::stage_name(*where)));
    }
}

std::string read_password(const options& chosen) {
    if (!chosen.password_variable.empty()) {
        const char* value = std::getenv(chosen.password_variable.c_str());
        if (value == nullptr || *value == '\0')
            throw usage_error(fmt::format("the variable {} is not set: export it, or use --password-file",
                                          chosen.password_variable));
        return value;
    }
    std::ifstream file(chosen.password_file);
    std::string line;
    if (!std::getline(file, line))
        throw usage_error(
            fmt::format("the password file {} cannot be read: it must hold the password in its first line",
                        chosen.password_file));
    if (!line.empty() && line.back() == '\r')
        line.pop_back();
    return line;
}

void settle_credentials(options& chosen) {
    const bool has_password = !chosen.password_file.empty() || !chosen.password_variable.empty();
    if (chosen.server.user.empty() == has_password)
        throw usage_error(
            has_password ? "a password needs a user: add --user NAME"
                         : "--user needs a password: add --password-file FILE or --password-env VARIABLE");
    if (has_password)
        chosen.server.password = read_password(chosen);
}

void settle_refusals(options& chosen) {
    auto& server = chosen.server;
    for (const auto& keyword : chosen.without)
        server.without.insert(capitals(keyword));
    for (const auto& text : chosen.reject_sender)
        server.reject_sender.push_back(parse_refusal(text));
    for (const auto& text : chosen.reject_recipient)
        server.reject_recipient.push_back(parse_refusal(text));
    for (const auto& text : chosen.reject_delivery)
        server.reject_delivery.push_back(parse_refusal(text));
    if (!chosen.reject_content.empty()) {
        if (!starts_with_code(chosen.reject_content))
            throw usage_error("--reject-content needs a reply code, as in '554 5.7.1 Spam'");
        server.reject_content.emplace();
        split_code(chosen.reject_content, server.reject_content->code, server.reject_content->text);
    }
    for (const auto& text : chosen.faults)
        parse_fault(text, server);
}

void settle(options& chosen) {
    auto& server = chosen.server;
    server.tls = chosen.tls == "starttls"   ? sink::tls_mode::starttls
                 : chosen.tls == "implicit" ? sink::tls_mode::implicit
                                            : sink::tls_mode::none;
    settle_credentials(chosen);
    if (server.listen.empty() && server.unix_paths.empty())
        server.listen.emplace_back("127.0.0.1:2525");
    settle_refusals(chosen);
    server.delay = std::chrono::milliseconds(chosen.delay);
    server.idle_timeout = std::chrono::milliseconds(static_cast<long long>(chosen.idle_seconds * 1000));
    server.sidecar = chosen.json && !server.maildir.empty();
    server.stop_on_signals = true;
}

// Whole or not at all: who waits for the file never reads half of it.
void write_file(const std::string& path, std::string_view text) {
    const auto temporary = fmt::format("{}.{}.tmp", path, getpid());
    const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const bool written =
        file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const bool closed = file >= 0 && close(file) == 0;
    if (written && closed && rename(temporary.c_str(), path.c_str()) == 0)
        return;
    const auto reason = std::error_code(errno, std::generic_category()).message();
    unlink(temporary.c_str());
    throw output_error(
        fmt::format("{} cannot be written: {}: name a file in a folder you may write to", path, reason));
}

std::string describe(const sink::config& server) {
    std::string out = server.lmtp ? "LMTP" : "SMTP";
    if (server.tls != sink::tls_mode::none)
        out += server.tls == sink::tls_mode::starttls ? ", STARTTLS" : ", implicit TLS";
    if (!server.user.empty())
        out += ", user " + sink::printable(server.user);
    if (!server.maildir.empty())
        out += ", maildir " + sink::printable(server.maildir);
    return out;
}

void announce(const options& chosen, const sink::server& server) {
    if (!chosen.port_file.empty()) {
        std::string ports;
        for (std::size_t i = 0; i < chosen.server.listen.size(); ++i)
            ports += std::to_string(server.port(i)) + "\n";
        write_file(chosen.port_file, ports);
    }
    if (chosen.quiet)
        return;
    for (const auto& address : server.addresses())
        fmt::print(stderr, "postrider sink: listening on {} ({})\n", address, describe(chosen.server));
    if (!chosen.write_cert.empty())
        fmt::print(stderr, "postrider sink: clients trust it with the CA in {}\n", chosen.write_cert);
}

// Prints what comes; a broken output stops the server, since nobody would see the mail any more.
class printer {
  public:
    explicit printer(const options& chosen) : chosen_(chosen) {}
    void stops(sink::server& server) noexcept { server_ = &server; }
    bool broken() const noexcept { return broken_; }

    void message(const sink::received& mail) {
        if (chosen_.json)
            out(sink::json_line(mail) + "\n");
        else if (!chosen_.quiet)
            out(sink::human(mail, chosen_.body_lines));
    }
    void line(char direction, std::string_view text) {
        out(fmt::format("{} {}\n", direction == '<' ? "->" : "<-", sink::printable(text)));
    }

  private:
    void out(const std::string& text) {
        if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
            return;
        if (!broken_ && server_ != nullptr)
            server_->stop();
        broken_ = true;
    }

    const options& chosen_;
    sink::server* server_ = nullptr;
    bool broken_ = false;
};

int serve(options& chosen) {
    settle(chosen);
    printer prints(chosen);
    auto settings = chosen.server;
    if (!settings.discard && (chosen.json || !chosen.quiet))
        settings.on_message = [&prints](const sink::received& mail) { prints.message(mail); };
    if (chosen.verbose)
        settings.on_trace = [&prints](char direction, std::string_view text) {
            prints.line(direction, text);
        };
    if (!chosen.quiet)
        settings.on_event = [](std::string_view what) {
            fmt::print(stderr, "postrider sink: {}\n", sink::printable(what));
        };
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of fwrite(), said in a sentence
    sink::server server(std::move(settings));
    prints.stops(server);
    if (!chosen.write_cert.empty()) {
        if (server.ca_pem().empty())
            throw usage_error("--write-cert needs TLS: add --tls starttls or --tls implicit");
        write_file(chosen.write_cert, server.ca_pem());
    }
    announce(chosen, server);
    server.run();
    if (prints.broken())
        throw output_error("the output cannot be written any more: stopped");
    const auto seen = server.counted();
    if (!chosen.quiet)
        fmt::print(stderr, "postrider sink: {} message{}, {} octets, {} refused, {} connection{}\n",
                   seen.messages, seen.messages == 1 ? "" : "s", seen.octets, seen.refused, seen.connections,
                   seen.connections == 1 ? "" : "s");
    return 0;
}

int code_of(sink::setup_error::kind why) noexcept {
    switch (why) {
    case sink::setup_error::kind::configuration:
        return exit_usage;
    case sink::setup_error::kind::address:
    case sink::setup_error::kind::address_in_use:
        return exit_unavailable;
    default:
        return exit_configuration;
    }
}

int guarded_serve(options& chosen) {
    const auto say = [](const std::exception& error, int code) {
        fmt::print(stderr, "postrider sink: {}\n", sink::printable(error.what()));
        return code;
    };
    try {
        return serve(chosen);
    } catch (const usage_error& error) {
        return say(error, exit_usage);
    } catch (const output_error& error) {
        return say(error, exit_output);
    } catch (const sink::setup_error& error) {
        return say(error, code_of(error.why()));
    }
}

CLI::Option* add_list(CLI::App& command, const char* name, std::vector<std::string>& into, const char* help,
                      const char* type) {
    return command.add_option(name, into, help)->allow_extra_args(false)->type_name(type);
}

void add_line_options(CLI::App& command, options& chosen) {
    const char* group = "Where it listens";
    add_list(command, "--listen", chosen.server.listen,
             "Address to listen on, repeatable; port 0 takes a free one (default 127.0.0.1:2525)",
             "HOST:PORT")
        ->group(group);
    add_list(command, "--unix", chosen.server.unix_paths, "Unix socket to listen on, repeatable", "PATH")
        ->group(group);
    command
        .add_flag("--allow-remote", chosen.server.allow_remote,
                  "Allow --listen on addresses others can reach")
        ->group(group);
    command
        .add_option("--port-file", chosen.port_file, "Write the ports in use here once listening, one a line")
        ->type_name("FILE")
        ->group(group);
    command.add_flag("--lmtp", chosen.server.lmtp, "Speak LMTP: one reply per recipient")->group(group);
    command.add_option("--idle-timeout", chosen.idle_seconds, "Close idle connections after this long")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 86400.0))
        ->capture_default_str()
        ->group(group);
}

void add_security_options(CLI::App& command, options& chosen) {
    const char* group = "TLS and passwords";
    command.add_option("--tls", chosen.tls, "none, starttls or implicit")
        ->type_name("MODE")
        ->check(CLI::IsMember({"none", "starttls", "implicit"}))
        ->capture_default_str()
        ->group(group);
    command
        .add_option("--cert", chosen.server.cert_file,
                    "Certificate chain, PEM; without it one for localhost is made")
        ->type_name("FILE")
        ->group(group);
    command.add_option("--key", chosen.server.key_file, "Private key of --cert, PEM")
        ->type_name("FILE")
        ->group(group);
    command.add_option("--write-cert", chosen.write_cert, "Write the CA that clients must trust here, PEM")
        ->type_name("FILE")
        ->group(group);
    command.add_flag("--require-tls", chosen.server.require_tls, "Refuse MAIL without TLS (530)")
        ->group(group);
    command
        .add_option("--user", chosen.server.user, "Offer AUTH PLAIN and LOGIN to this user, and require it")
        ->type_name("NAME")
        ->group(group);
    auto* file =
        command.add_option("--password-file", chosen.password_file, "The password is this file's first line");
    file->type_name("FILE")->group(group);
    command
        .add_option("--password-env", chosen.password_variable,
                    "The password is in this environment variable")
        ->type_name("VARIABLE")
        ->excludes(file)
        ->group(group);
    command
        .add_flag("--auth-optional", chosen.server.auth_optional, "With --user, take mail without AUTH too")
        ->group(group);
}

void add_output_options(CLI::App& command, options& chosen) {
    const char* group = "What becomes of the mail";
    command.add_option("--maildir", chosen.server.maildir, "Keep each message here, byte for byte")
        ->type_name("DIR")
        ->group(group);
    auto* json = command.add_flag("--json", chosen.json,
                                  "One line of JSON per message; with --maildir also DIR/envelope/NAME.json");
    json->group(group);
    command.add_flag("--quiet,-q", chosen.quiet, "Print nothing but errors (and --json)")->group(group);
    command.add_flag("--verbose,-v", chosen.verbose, "Print the dialogue, secrets masked")
        ->excludes(json)
        ->group(group);
    command.add_option("--lines", chosen.body_lines, "Lines of each body to show")
        ->type_name("N")
        ->capture_default_str()
        ->group(group);
    command.add_flag("--discard", chosen.server.discard, "Only count")
        ->excludes("--maildir")
        ->excludes(json)
        ->group(group);
    command.add_option("--count", chosen.server.stop_after, "Exit after N messages")
        ->type_name("N")
        ->check(CLI::PositiveNumber)
        ->group(group);
}

void add_refusal_options(CLI::App& command, options& chosen) {
    const char* group = "Refusing and failing on purpose";
    command.add_option("--size-limit", chosen.server.size_limit, "Largest content, 0 for none")
        ->type_name("OCTETS")
        ->capture_default_str()
        ->group(group);
    command
        .add_option("--line-limit", chosen.server.line_limit,
                    "Refuse contents with longer lines (otherwise only noted)")
        ->type_name("OCTETS")
        ->group(group);
    add_list(command, "--no", chosen.without,
             "Do not offer this keyword, repeatable: PIPELINING, SIZE, AUTH ...", "KEYWORD")
        ->group(group);
    const char* refusal = "PATTERN[=CODE[ TEXT]]";
    add_list(command, "--reject-sender", chosen.reject_sender,
             "Refuse matching senders; * and ? are wildcards", refusal)
        ->group(group);
    add_list(command, "--reject", chosen.reject_recipient,
             "Refuse matching recipients, as in 'bob@*=452 4.2.2 Full'", refusal)
        ->group(group);
    add_list(command, "--reject-delivery", chosen.reject_delivery,
             "LMTP: refuse matching recipients behind the content", refusal)
        ->group(group);
    command.add_option("--reject-content", chosen.reject_content, "Refuse every content")
        ->type_name("CODE[ TEXT]")
        ->group(group);
    command.add_option("--delay", chosen.delay, "Wait before each group of replies")
        ->type_name("MS")
        ->group(group);
    add_list(command, "--fail", chosen.faults,
             "At connect, ehlo, helo, starttls, handshake, auth, mail, rcpt, data, content, end or quit: "
             "close, reset, "
             "stall, or reply CODE[ TEXT]; close, reset and stall at end strike after the message was kept",
             "STAGE=FAULT")
        ->group(group);
    command.add_option("--fail-first", chosen.server.fail_first, "Each --fail strikes only N times")
        ->type_name("N")
        ->group(group);
}

} // namespace

CLI::App* add_sink_command(CLI::App& app, std::function<void(int)> set_exit) {
    auto* command =
        app.add_subcommand("sink", "A local mail server for trying things out and for tests: shows or keeps "
                                   "what it gets, relays nothing");
    const auto chosen = std::make_shared<options>();
    add_line_options(*command, *chosen);
    add_security_options(*command, *chosen);
    add_output_options(*command, *chosen);
    add_refusal_options(*command, *chosen);
    command->footer("Example: postrider sink --tls starttls --write-cert ca.pem --maildir mail\n"
                    "Ctrl-C stops it: contents on their way get three seconds to finish.");
    command->callback([chosen, set_exit = std::move(set_exit)] { set_exit(guarded_serve(*chosen)); });
    return command;
}

} // namespace postrider::cli
