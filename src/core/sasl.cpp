#include "postrider/sasl.hpp"

#include "postrider/capabilities.hpp"
#include "sasl_parts.hpp"
#include "text.hpp"

namespace postrider {

namespace {

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_value(char c) noexcept {
    for (std::size_t i = 0; i < base64_alphabet.size(); ++i) {
        if (base64_alphabet[i] == c) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

} // namespace

void base64_encode_group(const char* octets, unsigned count, char* four) noexcept {
    std::uint32_t group = 0;
    for (unsigned i = 0; i < 3; ++i) {
        group = group << 8U | (i < count ? static_cast<unsigned char>(octets[i]) : 0U);
    }
    for (unsigned i = 0; i < 4; ++i) {
        four[i] = i <= count ? base64_alphabet[group >> (18U - 6U * i) & 63U] : '=';
    }
}

std::ptrdiff_t base64_decode_in_place(char* text, std::size_t size) noexcept {
    if (size % 4 != 0) {
        return -1;
    }
    std::size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=') {
        ++padding;
    }
    std::uint32_t bits = 0;
    std::size_t decoded = 0;
    for (std::size_t i = 0; i < size; ++i) {
        const int value = i < size - padding ? base64_value(text[i]) : 0;
        if (value < 0) {
            return -1;
        }
        bits = bits << 6U | static_cast<unsigned>(value);
        if (i % 4 != 0) {
            text[decoded] = static_cast<char>(bits >> (6U - 2U * (i % 4)));
            ++decoded;
        }
    }
    // Strict: the bits that padding leaves over must be zero (RFC 4648 3.5).
    const std::uint32_t left_over = padding == 2 ? 0xFFFFU : padding == 1 ? 0xFFU : 0U;
    return (bits & left_over) == 0 ? static_cast<std::ptrdiff_t>(decoded - padding) : -1;
}

std::string_view plain_mechanism::name() const noexcept {
    return "PLAIN";
}

bool plain_mechanism::start() noexcept {
    answered_ = true;
    return true;
}

// The one challenge of PLAIN is the empty one before the initial response, which the engine answers itself.
errc plain_mechanism::respond(std::string_view) noexcept {
    return errc::auth_challenge;
}

std::string_view plain_mechanism::part(unsigned index) const noexcept {
    static constexpr char zero = '\0';
    static constexpr std::string_view nul{&zero, 1};
    switch (index) {
    case 0:
        return sasl::present(authorization_id_);
    case 1:
    case 3:
        return nul;
    case 2:
        return sasl::present(user_);
    case 4:
        return sasl::present(password_);
    default:
        return sasl::end_of_parts;
    }
}

std::string_view login_mechanism::name() const noexcept {
    return "LOGIN";
}

bool login_mechanism::start() noexcept {
    user_sent_ = password_sent_ = false;
    return false;
}

errc login_mechanism::respond(std::string_view challenge) noexcept {
    if (user_sent_ && password_sent_) {
        return errc::auth_challenge;
    }
    answer_password_ = user_sent_ || (sasl::asks_for_password(challenge) && !password_sent_);
    (answer_password_ ? password_sent_ : user_sent_) = true;
    return errc::ok;
}

std::string_view login_mechanism::part(unsigned index) const noexcept {
    return index > 0 ? sasl::end_of_parts : sasl::present(answer_password_ ? password_ : user_);
}

} // namespace postrider
