#include "connection.hpp"

#include "account.hpp"
#include "error.hpp"
#include "password.hpp"
#include "postrider/path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace postrider::cli {
namespace {

bool is_address(const std::string& text) {
    in6_addr six{};
    in_addr four{};
    return inet_pton(AF_INET, text.c_str(), &four) == 1 ||
           inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), &six) == 1;
}

std::optional<account> account_for(const connection_choice& chosen) {
    if (!chosen.server.empty()) {
        return std::nullopt; // neither its password nor its user belongs to that server
    }
    auto found = find_account(chosen.config, chosen.account);
    if (!found) {
        throw usage_error("no server is named", "give --server, as in --server smtps://mail.example.org, or "
                                                "write accounts into the config file (see postrider(1))");
    }
    return found;
}

// OpenSSL would only say so later, and in other words.
void check_readable(const std::string& path, std::string_view option) {
    if (!path.empty() && access(path.c_str(), R_OK) != 0) {
        throw command_error(exit_code::configuration, fmt::format("{} {} cannot be read: {}", option, path,
                                                                  std::generic_category().message(errno)));
    }
}

std::string bare_hex(const std::string& fingerprint) {
    std::string out;
    std::copy_if(fingerprint.begin(), fingerprint.end(), std::back_inserter(out),
                 [](char c) { return c != ':'; });
    if (out.size() != 64 || out.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        throw usage_error("--fingerprint takes the SHA-256 of a certificate: 64 hex digits",
                          "`postrider check` shows it");
    }
    return out;
}

void set_tls(const connection_choice& chosen, tls_options& to) {
    check_readable(chosen.ca_file, "--ca-file");
    check_readable(chosen.ca_path, "--ca-path");
    check_readable(chosen.crl_file, "--crl-file");
    check_readable(chosen.client_cert, "--client-cert");
    check_readable(chosen.client_key, "--client-key");
    if (chosen.client_cert.empty() != chosen.client_key.empty()) {
        throw usage_error("a client certificate needs both its chain and its key",
                          "give --client-cert and --client-key, or both settings in the account");
    }
    to.name = chosen.tls_name;
    to.ca_file = chosen.ca_file;
    to.ca_path = chosen.ca_path;
    to.crl_file = chosen.crl_file;
    to.client_cert = chosen.client_cert;
    to.client_key = chosen.client_key;
    std::transform(chosen.fingerprints.begin(), chosen.fingerprints.end(),
                   std::back_inserter(to.fingerprints), bare_hex);
    to.verify = !chosen.insecure_no_verify;
}

void set_times(const connection_choice& chosen, client_options& to) {
    using std::chrono::milliseconds;
    if (!chosen.timeout.empty()) {
        const auto limit = parse_duration(chosen.timeout, "--timeout");
        const auto count = static_cast<std::uint32_t>(limit.count());
        to.connect_timeout = limit;
        to.timeouts.greeting = to.timeouts.command = to.timeouts.data_start = count;
        to.timeouts.data_block = to.timeouts.data_done = count;
        to.timeouts.quit = std::min(to.timeouts.quit, count);
    }
    if (!chosen.deadline.empty()) {
        to.timeouts.transaction =
            static_cast<std::uint32_t>(parse_duration(chosen.deadline, "--deadline").count());
    }
}

// Which addresses may be connected to. A name that RFC 6761 keeps for loopback must lead there, or "plain is
// allowed on loopback" would hold for whatever a resolver says.
void set_addresses(const connection_choice& chosen, const server_url& where, client_options& to) {
    if (!chosen.source_address.empty() && !is_address(chosen.source_address)) {
        throw usage_error(fmt::format("--source-address {} is no IP address", chosen.source_address));
    }
    to.source_address = chosen.source_address;
    const bool four_only = chosen.ipv4;
    const bool six_only = chosen.ipv6;
    const bool loopback_only = where.loopback && !where.host.empty();
    if (four_only && six_only) {
        throw usage_error("IPv4 only and IPv6 only leave nothing");
    }
    if (four_only || six_only || loopback_only) {
        to.address_filter = [=](std::string_view address) {
            const bool is_six = address.find(':') != std::string_view::npos;
            return !(four_only && is_six) && !(six_only && !is_six) &&
                   (!loopback_only || is_loopback(address));
        };
    }
}

void set_credentials(const connection_choice& chosen, const account* from, prepared_connection& to,
                     bool with_password) {
    if (!chosen.user.empty() && !to.where.user.empty() && chosen.user != to.where.user) {
        throw usage_error("--user and the server URL name different users", "keep one of them");
    }
    const std::string& user = chosen.user.empty() ? to.where.user : chosen.user;
    if (user.find('\0') != std::string::npos) {
        throw usage_error("the user holds a NUL");
    }
    const bool has_source =
        !chosen.password_command.empty() || !chosen.password_file.empty() || chosen.password_fd;
    if (user.empty() && (has_source || !chosen.auth.empty())) {
        throw usage_error("there is a password or a mechanism, but no user", "add --user NAME");
    }
    if (user.empty()) {
        return;
    }
    credentials& login = to.options.credentials.emplace();
    login.user = user;
    login.mechanism = chosen.auth;
    std::transform(login.mechanism.begin(), login.mechanism.end(), login.mechanism.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    if (!login.mechanism.empty() &&
        std::find(sasl_mechanisms.begin(), sasl_mechanisms.end(), login.mechanism) == sasl_mechanisms.end()) {
        throw usage_error(fmt::format("the mechanism {} is unknown", login.mechanism),
                          fmt::format("the mechanisms are {}", fmt::join(sasl_mechanisms, ", ")));
    }
    if (with_password) {
        login.password = find_password(chosen, from, user);
    }
}

} // namespace

prepared_connection prepare_connection(connection_choice chosen, bool with_password) {
    prepared_connection out;
    const auto used = account_for(chosen);
    if (used) {
        apply(*used, chosen);
        out.account = used->name;
        out.from = used->from;
    }
    out.where = parse_server_url(chosen.server);
    auto& options = out.options;
    options.server.protocol = out.where.protocol;
    options.server.host = out.where.host;
    options.server.port = out.where.port;
    options.server.unix_path = out.where.unix_path;
    options.server.tls = out.where.tls;
    if (!chosen.helo.empty()) {
        if (!is_domain_or_literal(chosen.helo)) {
            throw usage_error(
                fmt::format("--helo {} is neither a domain nor an address literal", chosen.helo),
                "write for example client.example.org or [192.0.2.1]");
        }
        options.client_name = chosen.helo;
    }
    set_tls(chosen, options.tls);
    set_times(chosen, options);
    set_addresses(chosen, out.where, options);
    options.allow_auth_in_clear = chosen.insecure_auth_in_clear;
    options.use_pipelining = !chosen.no_pipelining;
    options.use_chunking = !chosen.no_chunking;
    options.fast_open = chosen.fast_open;
    set_credentials(chosen, used ? &*used : nullptr, out, with_password);
    return out;
}

} // namespace postrider::cli
