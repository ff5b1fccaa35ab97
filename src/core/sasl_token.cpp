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

// Without an initial response the engine asks respond(), which gives up.
bool shown_token::show(bool rest_is_usable) noexcept {
    const bool usable = rest_is_usable && is_bearer_token(token_) && !text::has_control(user_);
    step_ = usable ? step::shown : step::unusable;
    return usable;
}

errc shown_token::refuse() noexcept {
    const bool first = is_shown();
    step_ = first ? step::refused : step::unusable;
    return first ? errc::ok : errc::auth_challenge;
}

std::string_view oauthbearer_mechanism::name() const noexcept {
    return "OAUTHBEARER";
}

bool oauthbearer_mechanism::start() noexcept {
    return shown_.show(!text::has_control(host_) && !text::has_control(port_));
}

std::string_view oauthbearer_mechanism::part(unsigned index) const noexcept {
    if (!shown_.is_shown()) {
        return index == 0 && shown_.is_refused() ? std::string_view{"\1"} : sasl::end_of_parts;
    }
    const std::array<std::string_view, 1> before{"n,a="};
    const std::array<std::string_view, 7> behind{host_.empty() ? "," : ",\1host=",
                                                 host_,
                                                 port_.empty() ? "" : "\1port=",
                                                 port_,
                                                 "\1auth=Bearer ",
                                                 shown_.token(),
                                                 "\1\1"};
    return sasl::part_around(before, shown_.user(), behind, index);
}

std::string_view xoauth2_mechanism::name() const noexcept {
    return "XOAUTH2";
}

std::string_view xoauth2_mechanism::part(unsigned index) const noexcept {
    // A challenge, which says why the token was refused, is answered by an empty line.
    const std::array<std::string_view, 5> parts{"user=", sasl::present(shown_.user()), "\1auth=Bearer ",
                                                shown_.token(), "\1\1"};
    return shown_.is_shown() && index < parts.size() ? parts[index] : sasl::end_of_parts;
}

} // namespace postrider

#endif
