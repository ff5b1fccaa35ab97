#include "postrider/reply.hpp"

#include "postrider/features.hpp"
#include "text.hpp"

namespace postrider {

namespace {

constexpr std::uint16_t code_digits = 3;

// Up to three digits (RFC 3463 2); false when there are none or too many.
bool take_number(std::string_view& text, std::uint16_t& value) noexcept {
    std::size_t n = 0;
    value = 0;
    while (n < text.size() && n < 4 && text::is_digit(text[n])) {
        value = static_cast<std::uint16_t>(value * 10 + (text[n] - '0'));
        ++n;
    }
    text = text::without(text, n);
    return n >= 1 && n <= 3;
}

bool take_dot(std::string_view& text) noexcept {
    const bool dot = !text.empty() && text[0] == '.';
    text = text::without(text, dot ? 1 : 0);
    return dot;
}

// What stands behind it cannot belong to it.
bool is_end(std::string_view text) noexcept {
    return text.empty() || text[0] == ' ' || text[0] == '\n';
}

} // namespace

enhanced_status parse_enhanced_status(std::string_view text, unsigned first_digit) noexcept {
    enhanced_status s;
    std::uint16_t class_digit = 0;
    if (!take_number(text, class_digit) || !take_dot(text) || !take_number(text, s.subject) ||
        !take_dot(text) || !take_number(text, s.detail) || !is_end(text)) {
        return {};
    }
    s.class_digit = static_cast<std::uint8_t>(class_digit);
    return class_digit == first_digit ? s : enhanced_status{};
}

void reply_reader::reset() noexcept {
    *this = reply_reader{{space_, capacity_}};
}

reply_reader::event reply_reader::feed(std::string_view& bytes) noexcept {
    event e = error_ == errc::ok ? event::more : event::failed;
    while (e == event::more && !bytes.empty()) {
        if (feature::fast_scan && column_ == 0 && take_line(bytes)) {
            e = end_of_line();
        } else if (!feature::fast_scan || !take_text(bytes)) {
            const char c = bytes[0];
            bytes = text::without(bytes, 1);
            e = take(c);
        }
    }
    return e;
}

// What take() would do with each octet of a usual line: it is here whole, and nothing in it is odd.
bool reply_reader::take_line(std::string_view& bytes) noexcept {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos || end < code_digits + 2 || bytes[end - 1] != '\r' ||
        end > max_line - 1) {
        return false;
    }
    const std::string_view code = text::prefix(bytes, code_digits + 1);
    const std::string_view words{bytes.data() + code.size(), end - 1 - code.size()};
    const bool usual = code[0] >= '2' && code[0] <= '5' && code[1] >= '0' && code[1] <= '5' &&
                       text::is_digit(code[2]) && (code[3] == ' ' || code[3] == '-') &&
                       !text::has_control(words);
    begin_reply();
    const std::size_t joins = size_ > 0 && !words.empty() ? 1 : 0;
    if (!usual || truncated_ || size_ + joins + words.size() > capacity_ || octets_ + end + 1 > max_reply) {
        return false;
    }
    line_start_ = size_;
    if (joins > 0) {
        space_[size_] = '\n';
        line_start_ = ++size_;
    }
    text::copy(words, space_ + size_);
    size_ = static_cast<std::uint16_t>(size_ + words.size());
    octets_ += static_cast<std::uint32_t>(end + 1);
    column_ = static_cast<std::uint16_t>(end);
    line_code_ = static_cast<std::uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
    last_line_ = code[3] == ' ';
    bytes = text::without(bytes, end + 1);
    return true;
}

// What take() would do with each octet of a run of text; false when there is none.
bool reply_reader::take_text(std::string_view& bytes) noexcept {
    if (column_ <= code_digits || carriage_return_) {
        return false;
    }
    const std::size_t of_line = max_line - 1 - column_;
    const std::size_t of_reply = max_reply - octets_;
    const std::size_t may = of_line < of_reply ? of_line : of_reply;
    const std::size_t most = bytes.size() < may ? bytes.size() : may;
    std::size_t n = 0;
    while (n < most && bytes[n] != '\r' && bytes[n] != '\n' && bytes[n] != '\0') {
        ++n;
    }
    if (n == 0) {
        return false;
    }
    keep(bytes[0]); // and what joins it to the line before
    const auto room = static_cast<std::size_t>(capacity_ - size_);
    const std::size_t kept = truncated_ ? 0 : n - 1 < room ? n - 1 : room;
    text::copy({bytes.data() + 1, kept}, space_ + size_);
    size_ = static_cast<std::uint16_t>(size_ + kept);
    truncated_ = truncated_ || kept < n - 1;
    bytes = text::without(bytes, n);
    column_ = static_cast<std::uint16_t>(column_ + n);
    octets_ += static_cast<std::uint32_t>(n);
    return true;
}

void reply_reader::begin_reply() noexcept {
    if (at_start()) {
        size_ = line_start_ = 0;
        octets_ = 0;
        truncated_ = false;
    }
}

reply_reader::event reply_reader::take(char c) noexcept {
    begin_reply();
    if (++octets_ > max_reply) {
        return fail(errc::reply_too_long);
    }
    if (c == '\n') {
        return end_of_line();
    }
    if (++column_ > max_line - 1) {
        return fail(errc::reply_line_too_long);
    }
    if (carriage_return_) { // not the end of the line after all
        if (column_ == code_digits + 2) {
            return fail(errc::malformed_reply); // "250" CR, and no LF
        }
        keep('\r'); // within the text it is text, and foreign text at that
        carriage_return_ = false;
    }
    if (c == '\0') {
        return fail(errc::malformed_reply);
    }
    if (column_ <= code_digits + 1) {
        if (!take_code(c)) {
            return fail(errc::malformed_reply);
        }
    } else if (c == '\r') {
        carriage_return_ = true;
    } else {
        keep(c);
    }
    return event::more;
}

// RFC 5321 4.2: three digits, the first 2 to 5, the second 0 to 5; then SP, "-" or the end of the line.
bool reply_reader::take_code(char c) noexcept {
    if (column_ <= code_digits) {
        const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
        const bool fits = column_ == 1 ? digit >= 2 && digit <= 5 : digit <= (column_ == 2 ? 5U : 9U);
        if (column_ == 1) {
            line_code_ = 0;
            line_start_ = size_;
        }
        line_code_ = static_cast<std::uint16_t>(line_code_ * 10 + digit);
        return fits;
    }
    last_line_ = c != '-';
    carriage_return_ = c == '\r';
    return c == ' ' || c == '-' || c == '\r';
}

reply_reader::event reply_reader::end_of_line() noexcept {
    if (column_ < code_digits) {
        return fail(errc::malformed_reply);
    }
    if (!first_line_ && line_code_ != code_) {
        return fail(errc::mixed_codes);
    }
    code_ = line_code_;
    first_line_ =
        last_line_ || column_ == code_digits; // no separator at all: a bare code in front of a bare LF
    column_ = 0;
    carriage_return_ = false;
    last_line_ = false;
    return first_line_ ? event::complete : event::line;
}

// Lines after the first one are joined by a '\n', written when their first character comes.
void reply_reader::keep(char c) noexcept {
    const bool joins = size_ == line_start_ && line_start_ > 0;
    if (truncated_ || size_ + (joins ? 1U : 0U) >= capacity_) {
        truncated_ = true;
        return;
    }
    if (joins) {
        space_[size_] = '\n';
        ++size_;
        line_start_ = size_;
    }
    space_[size_] = c;
    ++size_;
}

reply_reader::event reply_reader::fail(errc e) noexcept {
    error_ = e;
    return event::failed;
}

} // namespace postrider
