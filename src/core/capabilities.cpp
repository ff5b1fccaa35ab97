#include "postrider/capabilities.hpp"

#include "text.hpp"

namespace postrider {

namespace {

struct known_keyword {
    std::string_view name;
    keyword bit;
    bool built_in;
};

constexpr known_keyword known[] = {
    {"AUTH", keyword::auth, true},
    {"STARTTLS", keyword::starttls, feature::starttls},
    {"PIPELINING", keyword::pipelining, feature::pipelining},
    {"SIZE", keyword::size, feature::size},
    {"8BITMIME", keyword::eight_bit_mime, true},
    {"SMTPUTF8", keyword::smtputf8, feature::smtputf8},
    {"ENHANCEDSTATUSCODES", keyword::enhanced_status_codes, feature::enhanced_status},
    {"DSN", keyword::dsn, feature::dsn},
    {"CHUNKING", keyword::chunking, feature::chunking},
    {"BINARYMIME", keyword::binary_mime, feature::chunking},
    {"VRFY", keyword::vrfy, feature::queries},
    {"EXPN", keyword::expn, feature::queries},
    {"HELP", keyword::help, feature::queries},
    {"ETRN", keyword::etrn, feature::queries},
    {"MT-PRIORITY", keyword::mt_priority, feature::mt_priority},
};

// A number that overflows or is not one counts as no limit given: the server then decides (RFC 1870 4).
std::uint64_t parse_size(std::string_view digits) noexcept {
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (!text::is_digit(c) || value > (UINT64_MAX - 9) / 10) {
            return 0;
        }
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

} // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (text::lower(a[i]) != text::lower(b[i])) {
            return false;
        }
    }
    return true;
}

std::string_view next_word(std::string_view& text, bool equals_ends) noexcept {
    std::size_t start = 0;
    while (start < text.size() && text[start] == ' ') {
        ++start;
    }
    std::size_t end = start;
    while (end < text.size() && text[end] != ' ' && !(equals_ends && text[end] == '=')) {
        ++end;
    }
    const std::string_view word{text.data() + start, end - start};
    // The '=' of an old-style "AUTH=LOGIN" goes with the word.
    text = text::without(text, end < text.size() && text[end] == '=' ? end + 1 : end);
    return word;
}

keyword capabilities::learn(std::string_view line) noexcept {
    const std::string_view word = next_word(line, true);
    for (const known_keyword& k : known) {
        // Most names have another size, which costs no call.
        if (k.built_in && word.size() == k.name.size() && equal_ignoring_case(word, k.name)) {
            add(k.bit);
            if (feature::size && k.bit == keyword::size) {
                size_limit_ = parse_size(next_word(line));
            }
            return k.bit;
        }
    }
    return keyword::none;
}

} // namespace postrider
