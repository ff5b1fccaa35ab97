#include "postrider/content_encoder.hpp"

#include "line_ends.hpp"
#include "text.hpp"

namespace postrider {

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
    const std::size_t size = looked_ != 0 ? looked_ : run();
    looked_ = 0;
    const std::string_view slice = text::prefix(rest_, size);
    rest_ = text::without(rest_, size);
    previous_ = slice[size - 1];
    // No chunk ends within a line ending: servers that look for bare CRs may look chunk by chunk.
    held_cr_ = previous_ == '\r' && rest_.empty() && !last_ && framing_ != framing::binary;
    return text::prefix(slice, size - (held_cr_ ? 1 : 0));
}

// How many octets may go out as they are, the first one in any case.
std::size_t content_encoder::run() const noexcept {
    return framing_ == framing::binary ? rest_.size() : find_due(rest_, 1, framing_ == framing::dots);
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

result<std::size_t> content_encoder::measure() noexcept {
    if (framing_ == framing::binary) {
        return rest_.size();
    }
    looked_ = rest_.empty() ? 0 : run();
    content_encoder ahead = *this;
    std::size_t size = 0;
    for (std::string_view slice = ahead.next(); !slice.empty(); slice = ahead.next()) {
        size += slice.size();
    }
    return ahead.error() == errc::ok ? result<std::size_t>{size} : ahead.error();
}

} // namespace postrider
