#include "mask.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace postrider::line {

namespace {

constexpr std::size_t shortest = 4; // a shorter password would hide half of what is said

std::string base64(std::string_view octets) {
    std::string out((octets.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(octets.data()),
                                     static_cast<int>(octets.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string hex(std::string_view octets) {
    std::string out;
    out.reserve(2 * octets.size()); // growing would leave copies behind
    for (const char c : octets) {
        const auto value = static_cast<unsigned char>(c);
        out += "0123456789abcdef"[value >> 4U];
        out += "0123456789abcdef"[value & 15U];
    }
    return out;
}

bool same_ignoring_case(char a, char b) noexcept {
    const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return fold(a) == fold(b);
}

void replace_all(std::string& text, const std::string& what) {
    std::size_t from = 0;
    for (;;) {
        const auto at = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                                    what.begin(), what.end(), same_ignoring_case);
        if (at == text.end()) {
            return;
        }
        const auto offset = static_cast<std::size_t>(at - text.begin());
        text.replace(offset, what.size(), mask::shown);
        from = offset + mask::shown.size();
    }
}

} // namespace

mask::mask(const std::optional<credentials>& hidden) {
    if (!hidden || hidden->password.size() < shortest) {
        return;
    }
    const std::string_view password = hidden->password.reveal();
    std::string plain;
    plain.reserve(hidden->authorization_id.size() + hidden->user.size() + password.size() + 2);
    plain += hidden->authorization_id;
    plain += '\0';
    plain += hidden->user;
    plain += '\0';
    plain += password;
    forms_.reserve(6); // growing would leave copies behind
    add(base64(plain));
    add(hex(plain));
    add(base64(password));
    add(hex(password));
    add(std::string(password));
    wipe(plain.data(), plain.size());
}

mask::~mask() {
    for (std::string& form : forms_) {
        wipe(form.data(), form.size());
    }
}

void mask::add(std::string form) {
    // What stands before the padding is told apart by nothing, and a server may leave the padding out.
    while (!form.empty() && form.back() == '=') {
        form.pop_back();
    }
    forms_.push_back(std::move(form));
}

std::string mask::over(std::string text) const {
    for (const std::string& form : forms_) {
        replace_all(text, form);
    }
    return text;
}

} // namespace postrider::line
