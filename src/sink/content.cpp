#include "sink/content.hpp"

#include <algorithm>

namespace postrider::sink {
namespace {

std::size_t find(std::string_view in, char what, std::size_t from) noexcept {
    if (from >= in.size())
        return std::string_view::npos;
    const void* at = std::memchr(in.data() + from, what, in.size() - from);
    return at == nullptr ? std::string_view::npos
                         : static_cast<std::size_t>(static_cast<const char*>(at) - in.data());
}

} // namespace

void content_facts::add(std::string_view slice) noexcept {
    if (slice.empty())
        return;
    unsigned char high = 0;
    bool zero = false;
    for (const char c : slice) { // kept branchless, so that it vectorises
        high = static_cast<unsigned char>(high | static_cast<unsigned char>(c));
        zero |= c == '\0';
    }
    eight_bit_ |= high >= 0x80;
    nul_ |= zero;
    add_carriage_returns(slice);
    add_lines(slice);
    size_ += slice.size();
    last_cr_ = slice.back() == '\r';
}

// A CR at the end of a slice is judged by the next slice's first octet.
void content_facts::add_carriage_returns(std::string_view slice) noexcept {
    bare_cr_ |= last_cr_ && slice[0] != '\n';
    for (std::size_t at = find(slice, '\r', 0); !bare_cr_ && at != std::string_view::npos;
         at = find(slice, '\r', at + 1))
        bare_cr_ = at + 1 < slice.size() && slice[at + 1] != '\n';
}

void content_facts::add_lines(std::string_view slice) noexcept {
    std::size_t from = 0;
    ends_with_crlf_ = false;
    for (std::size_t at = find(slice, '\n', 0); at != std::string_view::npos; at = find(slice, '\n', from)) {
        const bool after_cr = at == 0 ? last_cr_ : slice[at - 1] == '\r';
        line_ += at - from;
        if (after_cr) {
            longest_ = std::max(longest_, line_ - 1);
            line_ = 0;
        } else {
            bare_lf_ = true;
            ++line_;
        }
        from = at + 1;
        ends_with_crlf_ = after_cr && from == slice.size();
    }
    line_ += slice.size() - from;
}

} // namespace postrider::sink
