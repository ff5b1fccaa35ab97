#include "host_name.hpp"

#include "postrider/message.hpp"

#include <arpa/inet.h>
#include <array>

namespace postrider::line {

namespace {

constexpr std::size_t longest_name = 253; // RFC 1035 3.1, without the final dot
constexpr std::size_t longest_label = 63;

bool is_name_character(char c) noexcept {
    // '_' is in no host name of RFC 952, but in many a container's.
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Labels of name characters, none empty. A leading dot in particular would make OpenSSL take any subdomain.
bool is_ascii_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > longest_name) {
        return false;
    }
    std::size_t label = 0;
    for (const char c : name) {
        if (c == '.' ? label == 0 : (!is_name_character(c) || label == longest_label)) {
            return false;
        }
        label = c == '.' ? 0 : label + 1;
    }
    return label > 0;
}

template <class Address>
bool parse_address(int family, const std::string& text, std::string& out) {
    Address address{};
    std::array<char, INET6_ADDRSTRLEN> space{};
    if (::inet_pton(family, text.c_str(), &address) != 1) {
        return false;
    }
    out = ::inet_ntop(family, &address, space.data(), space.size());
    return true;
}

} // namespace

result<host_name> parse_host(std::string_view text) {
    std::string name(text);
    std::string address;
    if (name.find('\0') != std::string::npos) {
        return errc::bad_configuration;
    }
    if (parse_address<in_addr>(AF_INET, name, address) || parse_address<in6_addr>(AF_INET6, name, address)) {
        return host_name{address, true};
    }
    if (!name.empty() && name.back() == '.') {
        name.pop_back(); // an absolute name: the dot is no part of it (RFC 6125 6.4, RFC 9525 6.3)
    }
    for (char& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    bool ascii = name.find("xn--") == std::string::npos;
    for (const char c : name) {
        ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    }
    if (!ascii) {
        const result<std::string> converted = ascii_mailbox("postmaster@" + name);
        if (!converted) {
            return errc::bad_configuration;
        }
        name = converted->substr(converted->find('@') + 1);
    }
    return is_ascii_name(name) ? result<host_name>(host_name{name, false}) : errc::bad_configuration;
}

} // namespace postrider::line
