// options.hpp - what the command line says, before anything is made of it.
#pragma once

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postrider::cli {

/// How to reach a server: what `send` and `check` share. Empty means not said.
struct connection_choice {
    std::string server;
    std::string account;
    std::string config;

    std::string user;
    std::string auth;
    std::string password_command;
    std::string password_file;
    std::optional<int> password_fd;
    bool insecure_auth_in_clear = false;

    std::string tls_name;
    std::string ca_file;
    std::string ca_path;
    std::string crl_file;
    std::string client_cert;
    std::string client_key;
    std::vector<std::string> fingerprints;
    bool insecure_no_verify = false;

    std::string helo;
    std::string source_address;
    std::string timeout;
    std::string deadline;
    bool ipv4 = false;
    bool ipv6 = false;
    bool no_pipelining = false;
    bool no_chunking = false;
    bool fast_open = false;
};

/// What to print.
struct output_choice {
    bool verbose = false;
    bool quiet = false;
    bool json = false;
    std::string progress = "auto";
};

/// Whom a message goes to and from whom: also what `check` asks the server about.
struct envelope_choice {
    std::string from;
    std::vector<std::string> to;
    std::vector<std::string> cc;
    std::vector<std::string> bcc;
    std::string envelope_from;
    bool has_envelope_from = false; ///< `--envelope-from ''` is the null reverse-path
};

struct send_choice {
    connection_choice connection;
    output_choice output;
    envelope_choice envelope;

    std::string reply_to;
    std::string subject;
    std::string date;
    std::string message_id;
    std::string in_reply_to;
    std::string priority = "normal";
    std::vector<std::string> headers;

    std::string body;
    bool has_body = false;
    std::string body_file;
    std::string html;
    std::vector<std::string> attach;
    std::vector<std::string> inline_files;
    std::string message;               ///< the only one of `messages`
    std::vector<std::string> messages; ///< as named

    std::string merge;
    std::string merge_template;
    std::string to_column;
    std::string mbox = "rd";
    std::string window = "auto";
    unsigned connections = 1;
    std::uint32_t messages_per_connection = 0; ///< 0: no limit
    double rate = 0;                           ///< messages a second; 0: no limit
    std::string journal;
    std::string in_doubt = "skip";
    bool retry_refused = false;

    bool all_or_nothing = false;
    std::string dsn;
    std::string dsn_return;
    std::string dsn_id;
    bool dry_run = false;
};

struct check_choice {
    connection_choice connection;
    output_choice output;
    envelope_choice envelope;
};

/// Define the options of a subcommand; what they set must outlive parsing.
void add_send_options(CLI::App& command, send_choice& chosen);
void add_check_options(CLI::App& command, check_choice& chosen);

/// `500ms`, `30s`, `2m`, `1h` or seconds alone; from one millisecond to a week. `option` names it in the
/// error. Throws command_error (usage).
std::chrono::milliseconds parse_duration(std::string_view text, std::string_view option);

/// `auto`, or how many messages may be under way at once; 0 for auto. Throws command_error (usage).
std::uint16_t parse_window(std::string_view text);

/// The subcommand of that name, or null.
const CLI::App* subcommand_named(const CLI::App& app, const std::string& name);

/// CLI11 takes the next argument for the value of `--name=`; this writes it as `--name` and an empty
/// argument.
std::vector<std::string> split_empty_values(const CLI::App& app, std::vector<std::string> arguments);

} // namespace postrider::cli
