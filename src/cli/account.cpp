#include "account.hpp"

#include "error.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace postrider::cli {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

command_error config_error(const std::string& what, std::string next = {}) {
    return {exit_code::configuration, what, std::move(next)};
}

struct text_key {
    std::string_view name;
    std::string connection_choice::*member;
};
struct flag_key {
    std::string_view name;
    bool connection_choice::*member;
};

constexpr std::array text_keys{
    text_key{"server", &connection_choice::server},
    text_key{"user", &connection_choice::user},
    text_key{"auth", &connection_choice::auth},
    text_key{"tls_name", &connection_choice::tls_name},
    text_key{"ca_file", &connection_choice::ca_file},
    text_key{"ca_path", &connection_choice::ca_path},
    text_key{"crl_file", &connection_choice::crl_file},
    text_key{"client_cert", &connection_choice::client_cert},
    text_key{"client_key", &connection_choice::client_key},
    text_key{"helo", &connection_choice::helo},
    text_key{"timeout", &connection_choice::timeout},
    text_key{"deadline", &connection_choice::deadline},
    text_key{"source_address", &connection_choice::source_address},
};
constexpr std::array flag_keys{
    flag_key{"insecure_auth_in_clear", &connection_choice::insecure_auth_in_clear},
    flag_key{"insecure_no_verify", &connection_choice::insecure_no_verify},
    flag_key{"ipv4", &connection_choice::ipv4},
    flag_key{"ipv6", &connection_choice::ipv6},
    flag_key{"no_pipelining", &connection_choice::no_pipelining},
    flag_key{"no_chunking", &connection_choice::no_chunking},
    flag_key{"fast_open", &connection_choice::fast_open},
};
constexpr std::array other_keys{std::string_view("from"), std::string_view("fingerprint"),
                                std::string_view("password"), std::string_view("password_command"),
                                std::string_view("password_file")};

// The text and the owner's view of one open file.
struct config_file {
    std::string path;
    std::string text;
    struct stat status {};
};

// Nothing when the file does not exist.
std::optional<config_file> read_config(const std::string& path) {
    config_file file{path, {}, {}};
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return std::nullopt;
    }
    ssize_t count = descriptor < 0 ? -1 : 0;
    if (descriptor >= 0 && fstat(descriptor, &file.status) == 0) {
        std::array<char, 4096> block{};
        while ((count = read(descriptor, block.data(), block.size())) > 0 &&
               file.text.size() < largest_file) {
            file.text.append(block.data(), static_cast<std::size_t>(count));
        }
        wipe(block.data(), block.size());
    }
    const int reason = errno;
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (count != 0) {
        throw config_error(fmt::format("the config file {} cannot be read: {}", path,
                                       count > 0 ? std::string("it is larger than 1 MiB")
                                                 : std::generic_category().message(reason)));
    }
    return file;
}

// "path, line N: ".
std::string place(const config_file& file, const toml::node& node) {
    return fmt::format("{}, line {}: ", file.path, node.source().begin.line);
}

std::string text_of(const config_file& file, std::string_view key, const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty() || text->get().find('\0') != std::string::npos) {
        throw config_error(
            fmt::format("{}{} must be a text in quotes, and not empty", place(file, node), key));
    }
    return text->get();
}

// A password is for its owner alone. Whether the group or others really can read the file depends on its
// folders too; its own mode is what is promised to hold wherever it is copied.
secret password_of(const config_file& file, const toml::node& node) {
    const bool foreign = file.status.st_uid != geteuid() && file.status.st_uid != 0;
    if (foreign || (file.status.st_mode & 077U) != 0) {
        throw config_error(
            fmt::format("{}the file holds a password, and {}", place(file, node),
                        foreign ? std::string("it belongs to another user")
                                : fmt::format("its mode is {:04o}: others can read or write it",
                                              file.status.st_mode & 07777U)),
            fmt::format("chmod 600 '{}', or use password_command and keep the password elsewhere",
                        file.path));
    }
    return secret(text_of(file, "password", node));
}

std::vector<std::string> texts_of(const config_file& file, std::string_view key, const toml::node& node) {
    std::vector<std::string> out;
    if (const auto* list = node.as_array()) {
        for (const auto& one : *list) {
            out.push_back(text_of(file, key, one));
        }
    } else {
        out.push_back(text_of(file, key, node));
    }
    return out;
}

std::string known_keys() {
    std::string out;
    for (const auto& one : text_keys) {
        out.append(one.name).append(", ");
    }
    for (const auto name : other_keys) {
        out.append(name).append(", ");
    }
    for (const auto& one : flag_keys) {
        out.append(one.name).append(", ");
    }
    out.resize(out.size() - 2);
    return out;
}

bool read_connection_key(const config_file& file, std::string_view key, const toml::node& node,
                         connection_choice& to) {
    for (const auto& one : text_keys) {
        if (one.name == key) {
            to.*one.member = text_of(file, key, node);
            return true;
        }
    }
    for (const auto& one : flag_keys) {
        if (one.name == key) {
            if (!node.is_boolean()) {
                throw config_error(fmt::format("{}{} must be true or false", place(file, node), key));
            }
            to.*one.member = node.as_boolean()->get();
            return true;
        }
    }
    return false;
}

void read_key(const config_file& file, std::string_view key, const toml::node& node, account& to) {
    if (read_connection_key(file, key, node, to.connection)) {
        return;
    }
    if (key == "from") {
        to.from = text_of(file, key, node);
    } else if (key == "fingerprint") {
        to.connection.fingerprints = texts_of(file, key, node);
    } else if (key == "password") {
        to.password = password_of(file, node);
    } else if (key == "password_command") {
        to.password_command = text_of(file, key, node);
    } else if (key == "password_file") {
        to.password_file = text_of(file, key, node);
    } else {
        throw config_error(fmt::format("{}\"{}\" is no setting of an account", place(file, node), key),
                           "the settings are " + known_keys());
    }
}

account read_account(const config_file& file, std::string_view name, const toml::table& table) {
    account out;
    out.name = std::string(name);
    for (const auto& [key, node] : table) {
        read_key(file, key.str(), node, out);
    }
    const int sources = (out.password.empty() ? 0 : 1) + (out.password_command.empty() ? 0 : 1) +
                        (out.password_file.empty() ? 0 : 1);
    if (sources > 1) {
        throw config_error(
            fmt::format("{}account {} says more than once where its password is", place(file, table), name),
            "keep one of password, password_command and password_file");
    }
    if (out.connection.server.empty()) {
        throw config_error(fmt::format("{}account {} names no server", place(file, table), name),
                           "add server = \"smtps://mail.example.org\"");
    }
    return out;
}

const toml::table& accounts_of(const config_file& file, const toml::table& root) {
    static const toml::table none;
    const toml::table* found = &none;
    for (const auto& [key, node] : root) {
        const bool is_table = node.is_table();
        if (key.str() == "account" && is_table) {
            found = node.as_table();
        } else if (key.str() != "default" || !node.is_string()) {
            throw config_error(fmt::format("{}\"{}\" has no meaning here", place(file, node), key.str()),
                               "the file holds default = \"NAME\" and tables [account.NAME], nothing else");
        }
    }
    for (const auto& [name, node] : *found) {
        if (!node.is_table()) {
            throw config_error(fmt::format("{}account.{} must be a table", place(file, node), name.str()),
                               fmt::format("write [account.{}] and the settings below it", name.str()));
        }
    }
    return *found;
}

std::string names_of(const toml::table& accounts) {
    std::string out;
    for (const auto& [name, ignored] : accounts) {
        out.append(out.empty() ? "" : ", ").append(name.str());
    }
    return out.empty() ? "none" : out;
}

std::optional<account> pick(const config_file& file, const toml::table& root, std::string wanted) {
    const auto& accounts = accounts_of(file, root);
    if (wanted.empty()) {
        wanted = root["default"].value_or(std::string());
    }
    if (wanted.empty() && accounts.size() == 1) {
        wanted = std::string(accounts.begin()->first.str());
    }
    if (wanted.empty()) {
        return std::nullopt;
    }
    const auto* found = accounts.get(wanted);
    if (found == nullptr) {
        throw config_error(fmt::format("there is no account \"{}\" in {}", wanted, file.path),
                           "the accounts there: " + names_of(accounts));
    }
    return read_account(file, wanted, *found->as_table());
}

} // namespace

std::string default_config_path() {
    const char* base = std::getenv("XDG_CONFIG_HOME");
    if (base != nullptr && *base == '/') { // the specification has relative paths ignored
        return std::string(base) + "/postrider/config.toml";
    }
    const char* home = std::getenv("HOME");
    return home != nullptr && *home != '\0' ? std::string(home) + "/.config/postrider/config.toml"
                                            : std::string();
}

std::optional<account> find_account(const std::string& config_path, const std::string& wanted) {
    const std::string path = config_path.empty() ? default_config_path() : config_path;
    auto file = path.empty() ? std::nullopt : read_config(path);
    if (!file) {
        if (wanted.empty() && config_path.empty()) {
            return std::nullopt;
        }
        throw config_error(path.empty() ? "there is no home folder to look for the config file in"
                                        : fmt::format("the config file {} does not exist", path),
                           "write one (see postrider(1)), or give --server");
    }
    try {
        const toml::table root = toml::parse(file->text, file->path);
        auto out = pick(*file, root, wanted);
        wipe(file->text.data(), file->text.size());
        return out;
    } catch (const toml::parse_error& error) {
        throw config_error(fmt::format("{}, line {}, column {}: {}", file->path, error.source().begin.line,
                                       error.source().begin.column, error.description()));
    }
}

void apply(const account& chosen, connection_choice& to) {
    for (const auto& one : text_keys) {
        if ((to.*one.member).empty()) {
            to.*one.member = chosen.connection.*one.member;
        }
    }
    for (const auto& one : flag_keys) {
        to.*one.member = to.*one.member || chosen.connection.*one.member;
    }
    if (to.fingerprints.empty()) {
        to.fingerprints = chosen.connection.fingerprints;
    }
}

} // namespace postrider::cli
