#include "url.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <sys/un.h>

namespace postrider::cli {
namespace {

struct scheme {
    std::string_view name;
    postrider::protocol protocol;
    tls_policy tls;
    std::uint16_t port;
    bool plain_on_loopback;
};

constexpr auto smtp = postrider::protocol::smtp;
constexpr auto lmtp = postrider::protocol::lmtp;

constexpr std::array schemes{
    scheme{"smtps", smtp, tls_policy::implicit, 465, false},
    scheme{"smtp", smtp, tls_policy::required, 587, true},
    scheme{"smtp+tls", smtp, tls_policy::required, 587, false},
    scheme{"smtp+opportunistic", smtp, tls_policy::opportunistic, 25, false},
    scheme{"smtp+notls", smtp, tls_policy::none, 25, false},
    scheme{"lmtp", lmtp, tls_policy::required, 24, true},
    scheme{"lmtp+tls", lmtp, tls_policy::required, 24, false},
    scheme{"lmtp+opportunistic", lmtp, tls_policy::opportunistic, 24, false},
    scheme{"lmtp+notls", lmtp, tls_policy::none, 24, false},
};

constexpr const char* example = "write for example smtps://mail.example.org or smtp://mail.example.org:587";

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char folded = static_cast<char>(c | 0x20);
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

std::string percent_decode(std::string_view text, std::string_view part) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            throw usage_error(
                fmt::format("the {} in the server URL holds a '%' without two hex digits", part),
                "write a percent sign as %25");
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    const bool control = std::any_of(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (control) {
        throw usage_error(fmt::format("the {} in the server URL holds a control character", part), example);
    }
    return out;
}

std::uint16_t parse_port(std::string_view text) {
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size() || value == 0 ||
        value > 65535) {
        // Not quoted: whoever writes user:password without a host has the password here.
        throw usage_error("what follows the ':' in the server URL is no port",
                          "a port is a number from 1 to 65535");
    }
    return static_cast<std::uint16_t>(value);
}

bool is_ipv6(const std::string& text) {
    in6_addr ignored{};
    const auto zone = text.find('%');
    return inet_pton(AF_INET6, text.substr(0, zone).c_str(), &ignored) == 1 && zone != text.size() - 1;
}

// Every character that a host name may have, and any octet of UTF-8: whether an internationalized name is a
// good one is for IDNA to say.
bool is_host_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

void check_host(const std::string& host) {
    const bool good = !host.empty() && host.size() <= 1024 && host.front() != '.' && host.front() != '-' &&
                      host.find("..") == std::string::npos &&
                      std::all_of(host.begin(), host.end(), is_host_character);
    if (!good) {
        throw usage_error(fmt::format("\"{}\" in the server URL is no host name or address", host), example);
    }
}

// The user of `user@`, taken off the front. Up to the last '@', also behind a '/', which people write into
// passwords unencoded.
std::string take_user(std::string_view& rest) {
    const auto at = rest.rfind('@');
    if (at == std::string_view::npos) {
        return {};
    }
    const auto user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (user.find(':') != std::string_view::npos) {
        throw usage_error("the server URL holds a password, which others can read in the process list",
                          "leave it out and use --password-command, --password-file, --password-fd or the "
                          "variable POSTRIDER_PASSWORD; and change that password if others were on this "
                          "machine (a ':' in a user name is written %3A)");
    }
    if (user.empty() || user.find_first_of("@/?#") != std::string_view::npos) {
        throw usage_error("the user in the server URL is empty or holds one of the characters @ / ? #",
                          "write an '@' in a user name as %40, or use --user");
    }
    return percent_decode(user, "user");
}

// An address in brackets, so that its colons are not taken for the port's.
std::string take_bracketed(std::string_view& authority) {
    const auto end = authority.find(']');
    std::string host;
    if (end != std::string_view::npos) {
        host = percent_decode(authority.substr(1, end - 1), "address");
        authority.remove_prefix(end + 1);
    }
    if (!is_ipv6(host)) {
        throw usage_error("the brackets in the server URL hold no IPv6 address",
                          "write for example smtps://[2001:db8::1]:465");
    }
    return host;
}

void take_host_and_port(std::string_view authority, server_url& out) {
    if (!authority.empty() && authority.front() == '[') {
        out.host = take_bracketed(authority);
    } else {
        const auto colon = authority.find(':');
        const auto host = authority.substr(0, colon);
        authority.remove_prefix(host.size());
        if (authority.size() > 1 && authority.find(':', 1) != std::string_view::npos) {
            throw usage_error("the host in the server URL holds more than one ':'",
                              "put an IPv6 address into brackets, as in smtps://[2001:db8::1]:465");
        }
        out.host = percent_decode(host, "host");
        check_host(out.host);
    }
    if (authority.empty()) {
        return;
    }
    if (authority.front() != ':') {
        throw usage_error("there is something between host and port in the server URL", example);
    }
    out.port = parse_port(authority.substr(1));
}

server_url parse_unix(std::string_view rest) {
    server_url out;
    out.protocol = lmtp;
    out.tls = tls_policy::none;
    out.loopback = true;
    out.unix_path = percent_decode(rest, "path");
    if (out.unix_path.size() < 2 || out.unix_path.front() != '/') {
        throw usage_error("lmtp+unix takes the absolute path of a socket",
                          "write for example lmtp+unix:///run/dovecot/lmtp");
    }
    if (out.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
        throw usage_error(fmt::format("the path of a Unix socket has at most {} octets, this one has {}",
                                      sizeof(sockaddr_un::sun_path) - 1, out.unix_path.size()));
    }
    return out;
}

const scheme& find_scheme(const std::string& wanted) {
    const auto* found = std::find_if(schemes.begin(), schemes.end(),
                                     [&wanted](const scheme& one) { return one.name == wanted; });
    if (found == schemes.end()) {
        const bool plain = wanted.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == wanted.npos;
        throw usage_error(
            fmt::format("the scheme of the server URL{} is unknown", plain ? ", \"" + wanted + "\"," : ""),
            "the schemes are smtps, smtp, smtp+tls, smtp+opportunistic, smtp+notls, lmtp, "
            "lmtp+tls, lmtp+opportunistic, lmtp+notls and lmtp+unix");
    }
    return *found;
}

// What stands between protocol and "://": on loopback the bare scheme is the opportunistic one.
std::string_view suffix_for(tls_policy tls, bool loopback) noexcept {
    switch (tls) {
    case tls_policy::implicit:
        return "s";
    case tls_policy::none:
        return "+notls";
    case tls_policy::opportunistic:
        return loopback ? "" : "+opportunistic";
    default:
        return loopback ? "+tls" : "";
    }
}

} // namespace

std::string server_url::text() const {
    if (!unix_path.empty()) {
        return "lmtp+unix://" + unix_path;
    }
    const bool bracketed = host.find(':') != std::string::npos;
    return fmt::format("{}{}://{}{}{}:{}", protocol == lmtp ? "lmtp" : "smtp", suffix_for(tls, loopback),
                       bracketed ? "[" : "", host, bracketed ? "]" : "", port);
}

server_url parse_server_url(std::string_view url) {
    const auto separator = url.find("://");
    if (separator == std::string_view::npos) {
        throw usage_error("the server is given without a scheme, so that nothing says how it is secured",
                          example);
    }
    auto rest = url.substr(separator + 3);
    const std::string name = lower(url.substr(0, separator));
    if (name == "lmtp+unix") {
        return parse_unix(rest);
    }
    const auto& kind = find_scheme(name);
    server_url out;
    out.protocol = kind.protocol;
    out.tls = kind.tls;
    out.port = kind.port;
    out.user = take_user(rest);
    const auto end = std::min(rest.find_first_of("/?#"), rest.size());
    if (const auto tail = rest.substr(end); !tail.empty() && tail != "/") {
        throw usage_error("the server URL goes on behind the host", "a server URL ends with host or port");
    }
    take_host_and_port(rest.substr(0, end), out);
    out.loopback = is_loopback(out.host);
    if (out.loopback && kind.plain_on_loopback) {
        out.tls = tls_policy::opportunistic;
    }
    return out;
}

bool is_loopback(std::string_view host) {
    const std::string text = lower(host);
    in_addr four{};
    if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
        return (ntohl(four.s_addr) >> 24U) == 127;
    }
    in6_addr six{};
    if (inet_pton(AF_INET6, text.c_str(), &six) == 1) {
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&six);
        return IN6_IS_ADDR_LOOPBACK(&six) || (mapped && six.s6_addr[12] == 127);
    }
    // RFC 6761 6.3; connection.cpp also makes sure that such a name leads to a loopback address.
    const std::string_view name =
        text.ends_with('.') ? std::string_view(text).substr(0, text.size() - 1) : std::string_view(text);
    return name == "localhost" || name.ends_with(".localhost");
}

} // namespace postrider::cli
