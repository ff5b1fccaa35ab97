// account.hpp - accounts in a TOML file, so that daily use needs no options.
//
//     default = "work"
//
//     [account.work]
//     server = "smtps://mail.example.org"
//     from = "Alice <alice@example.org>"
//     user = "alice@example.org"
//     password_command = "pass show mail/work"
//
// A key that is not known is an error with its line: a misspelt `ca_file` must not mean "the system's CAs".
#pragma once

#include "options.hpp"
#include "postrider/secret.hpp"

#include <optional>
#include <string>

namespace postrider::cli {

/// What an account says; empty means nothing.
struct account {
    std::string name;
    connection_choice connection;
    std::string from;
    std::string password_command;
    std::string password_file;
    secret password;
};

/// $XDG_CONFIG_HOME/postrider/config.toml, else ~/.config/postrider/config.toml; empty without a home.
std::string default_config_path();

/// The account to use: the one asked for, else the file's default, else the only one it holds. Nothing when
/// none was asked for and there is no file or it names none. Throws command_error (configuration): a file
/// that cannot be read or is no TOML, an unknown key, an account that does not exist, a password that others
/// could read.
std::optional<account> find_account(const std::string& config_path, const std::string& wanted);

/// Fills what the command line left open. The server must come from the account alone: a password never goes
/// to another one.
void apply(const account& chosen, connection_choice& to);

} // namespace postrider::cli
