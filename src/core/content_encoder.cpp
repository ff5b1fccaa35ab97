#include "postrider/content_encoder.hpp"

#include "text.hpp"

namespace postrider {

namespace {

// The first CR, LF or NUL in [from, size).
std::size_t find_special(std::string_view s, std::size_t from) noexcept {
    while (from < s.size() && s[from] != '\r' && s[from] != '\n' && s[from] != '\0') {
        ++from;
    }
    return from;
}

constexpr std::string_view crlf = "\r\n";

} // namespace

std::string_view content_encoder::next() noexcept {
    if (framing_ == framing::binary) {
        return take(rest_.size(), 0);
    }
    // A slice can be empty without the chunk being used up (a held CR, a CRLF that is due): go on until one
    // is not.
    while (error_ == errc::ok) {
        if (line_end_due_) {
            line_end_due_ = false;
            line_start_ = true;
            return crlf;
        }
        if (rest_.empty()) {
            return finish();
        }
        if (const std::string_view slice = next_text(); !slice.empty()) {
            return slice;
        }
    }
    return {};
}

std::string_view content_encoder::next_text() noexcept {
    if (held_cr_) {
        held_cr_ = false;
        return line_end(rest_[0] == '\n' ? 1 : 0);
    }
    if (framing_ == framing::dots && line_start_ && rest_[0] == '.') {
        line_start_ = false;
        return ".";
    }
    std::size_t i = find_special(rest_, 0);
    while (is_line_end(i)) {
        i += 2;
        if (framing_ == framing::dots && i < rest_.size() && rest_[i] == '.') {
            line_start_ = true;
            return take(i, 0);
        }
        i = find_special(rest_, i);
    }
    return end_run(i);
}

bool content_encoder::is_line_end(std::size_t i) const noexcept {
    return i + 1 < rest_.size() && rest_[i] == '\r' && rest_[i + 1] == '\n';
}

// The slice up to i, where the chunk ends or something stands that cannot go out as it is.
std::string_view content_encoder::end_run(std::size_t i) noexcept {
    if (i == rest_.size()) {
        line_start_ = i >= 2 && rest_[i - 1] == '\n'; // only a CRLF passes without ending the run
        return take(i, 0);
    }
    if (rest_[i] == '\0') {
        error_ = errc::content_has_nul;
        return take(i, 0);
    }
    const bool may_go_on = rest_[i] == '\r' && i + 1 == rest_.size();
    held_cr_ = may_go_on;
    line_end_due_ = !may_go_on;
    return take(i, 1);
}

// The end of the last chunk: what is not a whole line is made one.
std::string_view content_encoder::finish() noexcept {
    if (!last_ || (line_start_ && !held_cr_)) {
        return {};
    }
    held_cr_ = false;
    return line_end(0);
}

std::string_view content_encoder::line_end(std::size_t skip) noexcept {
    rest_ = text::without(rest_, skip);
    line_start_ = true;
    return crlf;
}

std::string_view content_encoder::take(std::size_t size, std::size_t skip) noexcept {
    const std::string_view slice = text::prefix(rest_, size);
    rest_ = text::without(rest_, size + skip);
    return slice;
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
