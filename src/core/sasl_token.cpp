#include "postrider/sasl_token.hpp"

#include "sasl_parts.hpp"

#include <array>

#if POSTRIDER_OAUTH

namespace postrider {

namespace {

bool is_token_char(char c) noexcept {
    return text::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
}

} // namespace

bool is_bearer_token(std::string_view token) noexcept {
    std::size_t size = token.size();
    while (size > 0 && token[size - 1] == '=') {
        --size;
    }
    for (std::size_t i = 0; i < size; ++i) {
        if (!is_token_char(token[i])) {
            return false;
        }
    }
    return size > 0;
}

std::string_view oauthbearer_mechanism::name() const noexcept {
    return "OAUTHBEARER";
}

// Without an initial response the engine asks respond(), which gives up.
bool oauthbearer_mechanism::start() noexcept {
    const bool usable = is_bearer_token(token_) && !text::has_control(user_) && !text::has_control(host_) &&
                        !text::has_control(port_);
    step_ = usable ? step::shown : step::unusable;
    return usable;
}

// The challenge tells why the token was refused; the refusal itself comes behind the answer (RFC 7628 3.2.3).
errc oauthbearer_mechanism::respond(std::string_view) noexcept {
    const bool first = step_ == step::shown;
    step_ = first ? step::refused : step::unusable;
    return first ? errc::ok : errc::auth_challenge;
}

std::string_view oauthbearer_mechanism::part(unsigned index) const noexcept {
    if (step_ != step::shown) {
        return index == 0 && step_ == step::refused ? std::string_view{"\1"} : sasl::end_of_parts;
    }
    const std::array<std::string_view, 1> before{"n,a="};
    const std::array<std::string_view, 7> behind{host_.empty() ? "," : ",\1host=",
                                                 host_,
                                                 port_.empty() ? "" : "\1port=",
                                                 port_,
                                                 "\1auth=Bearer ",
                                                 token_,
                                                 "\1\1"};
    return sasl::part_around(before, user_, behind, index);
}

std::string_view xoauth2_mechanism::name() const noexcept {
    return "XOAUTH2";
}

bool xoauth2_mechanism::start() noexcept {
    const bool usable = is_bearer_token(token_) && !text::has_control(user_);
    step_ = usable ? step::shown : step::unusable;
    return usable;
}

errc xoauth2_mechanism::respond(std::string_view) noexcept {
    const bool first = step_ == step::shown;
    step_ = first ? step::refused : step::unusable;
    return first ? errc::ok : errc::auth_challenge;
}

std::string_view xoauth2_mechanism::part(unsigned index) const noexcept {
    // A challenge, which says why the token was refused, is answered by an empty line.
    const std::array<std::string_view, 5> parts{"user=", sasl::present(user_), "\1auth=Bearer ", token_,
                                                "\1\1"};
    return step_ == step::shown && index < parts.size() ? parts[index] : sasl::end_of_parts;
}

} // namespace postrider

#endif
