#include "options.hpp"

#include "error.hpp"
#include "postrider/client.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <type_traits>
#include <vector>

namespace postrider::cli {
namespace {

// With a file for each message under way that is less than the 1,024 descriptors of an ordinary limit.
constexpr unsigned most_connections = 64;

template <class Number>
struct range {
    Number least;
    Number most;
};

template <class Number>
Number parse_number(std::string_view text, range<Number> allowed, std::string_view option) {
    Number value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = failure == std::errc{} && end == text.data() + text.size();
    if (!whole || !(value >= allowed.least && value <= allowed.most)) { // NaN is neither
        throw usage_error(fmt::format("{} {}: write a {}number from {} to {}", option, text,
                                      std::is_integral_v<Number> ? "whole " : "", allowed.least,
                                      allowed.most));
    }
    return value;
}

// Adds the options of one group.
class group {
  public:
    group(CLI::App& command, const char* title) : command_(command), title_(title) {}

    CLI::Option* text(const char* name, std::string& into, const char* help, const char* type) {
        return command_.add_option(name, into, help)->type_name(type)->group(title_);
    }
    template <class Number>
    CLI::Option* number(const char* name, Number& into, range<Number> allowed, const char* help) {
        const auto set = [&into, allowed, name](const std::string& text) {
            into = parse_number(text, allowed, name);
        };
        return command_.add_option_function<std::string>(name, set, help)->type_name("N")->group(title_);
    }
    // One value per use: with more, an address that begins with '-' could end the list.
    CLI::Option* list(const char* name, std::vector<std::string>& into, const char* help, const char* type) {
        return command_.add_option(name, into, help)->allow_extra_args(false)->type_name(type)->group(title_);
    }
    CLI::Option* flag(const char* name, bool& into, const char* help) {
        return command_.add_flag(name, into, help)->group(title_);
    }

  private:
    CLI::App& command_;
    const char* title_;
};

void add_server_options(CLI::App& command, connection_choice& chosen) {
    group g(command, "Server");
    g.text("--server", chosen.server,
           "smtps://HOST (TLS), smtp://HOST (STARTTLS required; plain allowed on loopback), smtp+tls://, "
           "smtp+opportunistic://, smtp+notls://, lmtp://, lmtp+unix:///PATH",
           "URL");
    g.text("--account", chosen.account, "Take server, user and more from this account of the config file",
           "NAME")
        ->excludes("--server");
    g.text("--config", chosen.config, "The config file (default ~/.config/postrider/config.toml)", "FILE");
    g.text("--helo", chosen.helo, "Our name for EHLO (default localhost: tells nothing)", "NAME");
    g.text(
        "--timeout", chosen.timeout,
        "Limit for connecting and for each reply, as in 30s or 2m (default 30s to connect, then RFC 5321's)",
        "TIME");
    g.text("--deadline", chosen.deadline, "Limit for the whole transaction (default none)", "TIME");
    g.text("--source-address", chosen.source_address, "Connect from this local IP address", "ADDRESS");
    CLI::Option* four = g.flag("-4,--ipv4", chosen.ipv4, "Use IPv4 only");
    g.flag("-6,--ipv6", chosen.ipv6, "Use IPv6 only")->excludes(four);
    g.flag("--no-pipelining", chosen.no_pipelining, "Wait for each reply, whatever the server offers");
    g.flag("--no-chunking", chosen.no_chunking, "Use DATA, whatever the server offers");
    g.flag("--fast-open", chosen.fast_open,
           "With smtps:// begin TLS while connecting, where system, network and server let it (RFC 7413)");
}

void add_login_options(CLI::App& command, connection_choice& chosen) {
    group g(command, "Authentication");
    g.text("--user", chosen.user, "Authenticate as this user, or send nothing", "NAME");
    const std::string auth_help =
        fmt::format("The SASL mechanism: {} (default: chosen from what the server lists)",
                    fmt::join(sasl_mechanisms, ", "));
    g.text("--auth", chosen.auth, auth_help.c_str(), "MECHANISM")
        ->check(CLI::IsMember(std::vector<std::string>(sasl_mechanisms.begin(), sasl_mechanisms.end()),
                              CLI::ignore_case));
    CLI::Option* by_command = g.text("--password-command", chosen.password_command,
                                     "The password is the first line this shell command prints", "COMMAND");
    CLI::Option* by_file =
        g.text("--password-file", chosen.password_file, "The password is the first line of this file", "FILE")
            ->excludes(by_command);
    command
        .add_option("--password-fd", chosen.password_fd, "The password is the first line of this descriptor")
        ->type_name("N")
        ->check(CLI::Range(0, 1 << 20))
        ->excludes(by_command)
        ->excludes(by_file)
        ->group("Authentication");
    g.flag("--insecure-auth-in-clear", chosen.insecure_auth_in_clear,
           "Let the password go over a line that is not encrypted or not verified");
    // Without this the complaint would be about an unknown option, and people would look for its right name.
    command
        .add_option_function<std::string>("--password",
                                          [](const std::string&) {
                                              throw usage_error(
                                                  "a password is never an argument: others could read it in "
                                                  "the process list; use --password-command, "
                                                  "--password-file, --password-fd or POSTRIDER_PASSWORD");
                                          })
        ->group("");
}

void add_tls_options(CLI::App& command, connection_choice& chosen) {
    group g(command, "TLS");
    g.text("--tls-name", chosen.tls_name, "The name to look for in the certificate (default: the host)",
           "NAME");
    g.text("--ca-file", chosen.ca_file, "Trust these CAs instead of the system's, PEM", "FILE");
    g.text("--ca-path", chosen.ca_path, "The same, a folder of hashed certificates", "DIR");
    g.text("--crl-file", chosen.crl_file, "Refuse what these revocation lists name, PEM", "FILE");
    CLI::Option* certificate =
        g.text("--client-cert", chosen.client_cert, "Our certificate chain, PEM", "FILE");
    CLI::Option* key = g.text("--client-key", chosen.client_key, "Our private key, PEM", "FILE");
    certificate->needs(key);
    key->needs(certificate);
    g.list("--fingerprint", chosen.fingerprints,
           "Accept the certificate with this SHA-256 and no other, repeatable", "HEX");
    g.flag("--insecure-no-verify", chosen.insecure_no_verify,
           "Encrypt without knowing to whom; a password is not sent then")
        ->excludes("--fingerprint");
}

void add_output_options(CLI::App& command, output_choice& chosen, bool with_progress) {
    group g(command, "Output");
    g.flag("-v,--verbose", chosen.verbose, "Show the dialogue (-> <-, within TLS ~> <~), secrets masked");
    CLI::Option* quiet = g.flag("-q,--quiet", chosen.quiet, "Print errors only");
    g.flag("--json", chosen.json, "Print JSON instead of text: one object a line, see docs/command.md")
        ->excludes(quiet);
    if (with_progress) {
        g.text("--progress", chosen.progress,
               "A progress bar: auto (on a terminal, after a second), always, never", "WHEN")
            ->check(CLI::IsMember({"auto", "always", "never"}));
    }
}

void add_envelope_options(CLI::App& command, envelope_choice& chosen) {
    group g(command, "Envelope and addresses");
    g.text("--from", chosen.from, "The sender: 'a@example.org' or 'Name <a@example.org>'", "ADDRESS");
    g.list("--to", chosen.to, "A recipient, or several separated by commas; repeatable", "ADDRESS");
    g.list("--cc", chosen.cc, "The same, for Cc", "ADDRESS");
    g.list("--bcc", chosen.bcc, "The same, seen by nobody: never part of the message", "ADDRESS");
    command
        .add_option_function<std::string>(
            "--envelope-from",
            [&chosen](const std::string& text) {
                chosen.envelope_from = text;
                chosen.has_envelope_from = true;
            },
            "The reverse-path, where it is not --from; '<>' for none")
        ->type_name("ADDRESS")
        ->group("Envelope and addresses");
}

void add_header_options(CLI::App& command, send_choice& chosen) {
    group g(command, "Header");
    g.text("--subject", chosen.subject, "The subject, UTF-8", "TEXT");
    g.list("--header", chosen.headers, "A further header field, 'Name: value'; repeatable", "FIELD");
    g.text("--reply-to", chosen.reply_to, "Where answers shall go", "ADDRESS");
    g.text("--in-reply-to", chosen.in_reply_to, "The Message-ID this answers", "ID");
    g.text("--date", chosen.date, "As in 2026-11-24T12:00:00+01:00 (default: now, in UTC)", "TIME");
    g.text("--message-id", chosen.message_id, "The Message-ID (default: random, at the sender's domain)",
           "ID");
    g.text("--priority", chosen.priority, "high, normal or low", "WORD")
        ->check(CLI::IsMember({"high", "normal", "low"}));
}

void add_content_options(CLI::App& command, send_choice& chosen) {
    group g(command, "Content");
    CLI::Option* body = command
                            .add_option_function<std::string>(
                                "--body",
                                [&chosen](const std::string& text) {
                                    chosen.body = text;
                                    chosen.has_body = true;
                                },
                                "The text. Without --body, --body-file and --html it is standard input")
                            ->type_name("TEXT")
                            ->group("Content");
    g.text("--body-file", chosen.body_file, "The text is in this file, - for standard input", "FILE")
        ->excludes(body);
    g.text("--html", chosen.html, "The same as HTML, beside the text or alone", "FILE");
    g.list("--attach", chosen.attach, "Attach a file, 'FILE' or 'FILE:type/subtype'; repeatable", "FILE");
    g.list("--inline", chosen.inline_files, "An image the HTML shows as src=\"cid:CID\"; repeatable",
           "CID=FILE");
    command
        .add_option(
            "--message", chosen.messages,
            "Send these finished RFC 5322 messages, - for standard input; also folders of .eml files, "
            "maildirs and mboxes. Without addresses above, the envelope is that of each header. Bcc "
            "is removed")
        ->type_name("FILE...")
        ->group("Content");
}

void add_bulk_options(CLI::App& command, send_choice& chosen) {
    group g(command, "Many messages");
    CLI::Option* list =
        g.text("--merge", chosen.merge,
               "Send one message for each row of this CSV file (RFC 4180, UTF-8); its first row "
               "names the columns",
               "FILE");
    CLI::Option* form =
        g.text("--template", chosen.merge_template,
               "The message for --merge: {{column}} in header fields and texts becomes a value", "FILE");
    list->needs(form)->excludes("--message");
    form->needs(list);
    g.text("--to-column", chosen.to_column, "The column with the recipient (default: to or email)", "NAME")
        ->needs(list);
    g.text("--mbox", chosen.mbox, "How an mbox quotes: rd (>>From too) or o (>From only)", "KIND")
        ->check(CLI::IsMember({"rd", "o"}));
    g.text("--window", chosen.window,
           "How many may be under way at once, and so be in doubt when the line is lost: auto (what the "
           "server takes well), or 1 to 256",
           "N");
    g.number("--connections", chosen.connections, {1, most_connections},
             "Send over so many connections at once, 1 to 64 (default 1)");
    g.number("--messages-per-connection", chosen.messages_per_connection, {1, 1'000'000},
             "End a connection after so many messages and make another (default: no limit)");
    g.number(
        "--rate", chosen.rate, {0.001, 1'000'000},
        "Begin at most so many messages a second, over all connections together: 20, or 0.5 (default: no "
        "limit)");
    CLI::Option* journal =
        g.text("--journal", chosen.journal,
               "Keep what became of each message here; the same command then does what is left", "FILE");
    g.text("--in-doubt", chosen.in_doubt,
           "What the next run does with messages that may have been delivered: skip or repeat", "WHAT")
        ->check(CLI::IsMember({"skip", "repeat"}))
        ->needs(journal);
    g.flag("--retry-refused", chosen.retry_refused, "Try those again, too, that were refused for good")
        ->needs(journal);
}

void add_delivery_options(CLI::App& command, send_choice& chosen) {
    group g(command, "Delivery");
    g.flag("--all-or-nothing", chosen.all_or_nothing, "Send only if every recipient is accepted");
    g.text("--dsn", chosen.dsn, "Ask for notifications: never, or some of success,failure,delay", "WHEN");
    g.text("--dsn-return", chosen.dsn_return, "What a failure notification holds: full or headers", "WHAT")
        ->check(CLI::IsMember({"full", "headers"}));
    g.text("--dsn-id", chosen.dsn_id, "The envelope id that notifications tell", "ID");
    g.flag("--dry-run", chosen.dry_run,
           "Connect to nothing: show the envelope on standard error and the message on standard output");
}

std::optional<std::chrono::milliseconds> unit_of(std::string_view suffix) {
    struct unit {
        std::string_view name;
        std::chrono::milliseconds length;
    };
    using namespace std::chrono_literals;
    constexpr std::array units{unit{"ms", 1ms}, unit{"", 1s}, unit{"s", 1s}, unit{"m", 1min}, unit{"h", 1h}};
    for (const unit& one : units) {
        if (one.name == suffix) {
            return one.length;
        }
    }
    return std::nullopt;
}

// The option of the subcommand in use that `argument` names.
const CLI::Option* option_named(const CLI::App& app, const std::string& argument) {
    return argument.starts_with('-') ? app.get_option_no_throw(argument) : nullptr;
}

} // namespace

void add_send_options(CLI::App& command, send_choice& chosen) {
    add_server_options(command, chosen.connection);
    add_envelope_options(command, chosen.envelope);
    add_header_options(command, chosen);
    add_content_options(command, chosen);
    add_bulk_options(command, chosen);
    add_delivery_options(command, chosen);
    add_login_options(command, chosen.connection);
    add_tls_options(command, chosen.connection);
    add_output_options(command, chosen.output, true);
}

void add_check_options(CLI::App& command, check_choice& chosen) {
    add_server_options(command, chosen.connection);
    add_envelope_options(command, chosen.envelope);
    add_login_options(command, chosen.connection);
    add_tls_options(command, chosen.connection);
    add_output_options(command, chosen.output, false);
}

std::chrono::milliseconds parse_duration(std::string_view text, std::string_view option) {
    std::uint32_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto used = static_cast<std::size_t>(end - text.data());
    const auto length = failure == std::errc{} ? unit_of(text.substr(used)) : std::nullopt;
    const auto value = length ? *length * std::int64_t{number} : std::chrono::milliseconds(0);
    if (value < std::chrono::milliseconds(1) || value > std::chrono::hours(24 * 7)) {
        throw usage_error(fmt::format("{} {}: that is no time span", option, text),
                          "write for example 500ms, 30s, 2m or 1h; at most a week");
    }
    return value;
}

std::uint16_t parse_window(std::string_view text) {
    constexpr std::uint16_t widest = 256; // twice as many files are open
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = failure == std::errc{} && end == text.data() + text.size();
    if (text != "auto" && (!whole || number < 1 || number > widest)) {
        throw usage_error(fmt::format("--window {}: that is no number of messages", text),
                          fmt::format("write auto, or a number from 1 to {}", widest));
    }
    return text == "auto" ? automatic_window : number;
}

const CLI::App* subcommand_named(const CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands([&name](const CLI::App* one) { return one->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

std::vector<std::string> split_empty_values(const CLI::App& app, std::vector<std::string> arguments) {
    std::vector<std::string> out;
    const CLI::App* command = &app;
    bool is_value = false;
    for (auto& argument : arguments) {
        if (is_value) {
            is_value = false;
        } else if (argument.starts_with("--") && argument.ends_with('=') &&
                   argument.find('=') == argument.size() - 1) {
            argument.pop_back();
            out.push_back(std::move(argument));
            out.emplace_back();
            continue;
        } else if (const CLI::Option* option = option_named(*command, argument); option != nullptr) {
            is_value = option->get_items_expected_min() > 0;
        } else if (!argument.starts_with('-')) {
            const CLI::App* chosen = subcommand_named(*command, argument);
            command = chosen != nullptr ? chosen : command;
        }
        out.push_back(std::move(argument));
    }
    return out;
}

} // namespace postrider::cli
