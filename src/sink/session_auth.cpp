// AUTH PLAIN (RFC 4616) and LOGIN, within RFC 4954: an initial response or a challenge first, "*" cancels.
// Decoded secrets are wiped; none reaches a reply, a trace or an event.
#include "sink/session.hpp"

#include <openssl/crypto.h>

namespace postrider::sink {
namespace {

constexpr std::string_view user_challenge = "VXNlcm5hbWU6";     // "Username:"
constexpr std::string_view password_challenge = "UGFzc3dvcmQ6"; // "Password:"

int base64_value(char c) noexcept {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

// Strict: whole quanta, padding only at the end, no stray bits. OpenSSL's decoder forgives all three.
bool base64_decode(std::string_view in, std::string& out) {
    if (in.size() % 4 != 0)
        return false;
    out.reserve(in.size() / 4 * 3);
    const std::size_t padding = in.empty() || in.back() != '=' ? 0 : (in[in.size() - 2] == '=' ? 2 : 1);
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : in.substr(0, in.size() - padding)) {
        const int value = base64_value(c);
        if (value < 0)
            return false;
        bits = (bits << 6U) | static_cast<unsigned>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<char>((bits >> held) & 0xFFU));
        }
    }
    return (bits & ((1U << held) - 1U)) == 0;
}

void wipe(std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

bool same_secret(std::string_view left, std::string_view right) noexcept {
    return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

} // namespace

problem session::may_authenticate() const {
    if (settings_.user.empty() || !offers("AUTH"))
        return {502, "5.5.1", "AUTH is not offered"};
    if (!extended_)
        return {503, "5.5.1", "EHLO first"};
    if (!auth_open())
        return {538, "5.7.11", "Encryption required: STARTTLS first"};
    if (in_mail_)
        return {503, "5.5.1", "Not within a transaction"};
    if (!user_.empty())
        return {503, "5.5.1", "Authenticated already"};
    return {};
}

void session::auth(std::string_view argument) {
    if (const auto bad = may_authenticate())
        return refuse(bad);
    if (strikes(stage::auth))
        return;
    const auto space = argument.find(' ');
    const auto mechanism = argument.substr(0, space);
    const bool plain = same_keyword(mechanism, "PLAIN");
    if (!plain && !same_keyword(mechanism, "LOGIN"))
        return mechanism.empty() ? mistake("5.5.4", 501, "AUTH needs a mechanism")
                                 : mistake("5.5.4", 504, "Unknown mechanism: PLAIN and LOGIN are offered");
    mode_ = plain ? mode::plain : mode::user;
    if (space != std::string_view::npos) {
        const auto initial = argument.substr(space + 1);
        return auth_line(initial == "=" ? std::string_view()
                                        : initial); // RFC 4954 4: "=" is the empty response
    }
    reply(334, "", plain ? std::string_view() : user_challenge);
}

void session::auth_line(std::string_view line) {
    const auto stage_of_exchange = mode_;
    mode_ = mode::command;
    if (line == "*") {
        wipe(login_name_);
        return mistake("5.7.0", 501, "Authentication cancelled");
    }
    switch (stage_of_exchange) {
    case mode::plain:
        return auth_plain(line);
    case mode::user:
        return auth_user(line);
    default:
        return auth_password(line);
    }
}

bool session::decode(std::string_view encoded, std::string& out) {
    if (base64_decode(encoded, out))
        return true;
    wipe(out);
    wipe(login_name_);
    mistake("5.5.2", 501, "The response is not base64");
    return false;
}

void session::auth_plain(std::string_view encoded) {
    std::string decoded;
    if (!decode(encoded, decoded))
        return;
    const auto first = decoded.find('\0');
    const auto second = first == std::string::npos ? first : decoded.find('\0', first + 1);
    if (second == std::string::npos) {
        wipe(decoded);
        return mistake("5.5.2", 501, "PLAIN is: authorisation identity NUL user NUL password");
    }
    const auto on_behalf = decoded.substr(0, first);
    auto name = decoded.substr(first + 1, second - first - 1);
    auto secret = decoded.substr(second + 1);
    wipe(decoded);
    if (!on_behalf.empty() && on_behalf != name)
        wipe(secret); // nobody may act for somebody else here: goes the way of a wrong password
    auth_verdict(name, secret);
}

void session::auth_user(std::string_view encoded) {
    if (!decode(encoded, login_name_))
        return;
    mode_ = mode::password;
    reply(334, "", password_challenge);
}

void session::auth_password(std::string_view encoded) {
    std::string secret;
    if (!decode(encoded, secret))
        return;
    auth_verdict(login_name_, secret);
    wipe(login_name_);
}

void session::auth_verdict(std::string& user, std::string& password) {
    const bool good =
        !password.empty() && same_secret(user, settings_.user) && same_secret(password, settings_.password);
    wipe(password);
    if (!good)
        return mistake("5.7.8", 535, "Wrong user name or password");
    user_ = user;
    reply(235, "2.7.0", "Authentication successful");
}

} // namespace postrider::sink
