#include "postrider/content_encoder.hpp"

#include "line_ends.hpp"
#include "text.hpp"

namespace postrider {

namespace {

constexpr bool is_special(char c) noexcept {
    return c == '\r' || c == '\n' || c == '\0';
}

// The first CR, LF or NUL in [from, size).
std::size_t find_special(std::string_view s, std::size_t from) noexcept {
    while (from < s.size() && !is_special(s[from])) {
        ++from;
    }
    return from;
}

} // namespace

std::string_view content_encoder::next() noexcept {
    if (held_cr_ && (last_ || !rest_.empty())) {
        held_cr_ = false;
        return "\r";
    }
    if (rest_.empty()) {
        return finish();
    }
    if (framing_ != framing::binary) {
        const std::string_view due = due_between(previous_, rest_[0], framing_ == framing::dots);
        given_ = !given_ && !due.empty();
        if (given_) {
            return due;
        }
        if (rest_[0] == '\0') {
            error_ = errc::content_has_nul;
            return {};
        }
    }
    const std::size_t size = run();
    const std::string_view slice = text::prefix(rest_, size);
    rest_ = text::without(rest_, size);
    previous_ = slice[size - 1];
    // No chunk ends within a line ending: servers that look for bare CRs may look chunk by chunk.
    held_cr_ = previous_ == '\r' && rest_.empty() && !last_ && framing_ != framing::binary;
    return text::prefix(slice, size - (held_cr_ ? 1 : 0));
}

// How many octets may go out as they are, the first one in any case.
std::size_t content_encoder::run() const noexcept {
    if (framing_ == framing::binary) {
        return rest_.size();
    }
    std::size_t i = 1;
    while (i < rest_.size()) {
        if (rest_[i] == '\0' || *due_between(rest_[i - 1], rest_[i], framing_ == framing::dots) != '\0') {
            break;
        }
        // Behind a CR or LF the very next octet counts, otherwise the next of these.
        i = is_special(rest_[i]) ? i + 1 : find_special(rest_, i + 1);
    }
    return i;
}

// The end of the last chunk: what is not a whole line is made one.
std::string_view content_encoder::finish() noexcept {
    if (!last_ || previous_ == '\n' || framing_ == framing::binary) {
        return {};
    }
    const bool bare_cr = previous_ == '\r';
    previous_ = '\n';
    return bare_cr ? "\n" : "\r\n";
}

result<std::size_t> content_encoder::measure() const noexcept {
    content_encoder ahead = *this;
    std::size_t size = 0;
    for (std::string_view slice = ahead.next(); !slice.empty(); slice = ahead.next()) {
        size += slice.size();
    }
    return ahead.error() == errc::ok ? result<std::size_t>{size} : ahead.error();
}

} // namespace postrider
