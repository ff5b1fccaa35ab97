// content.hpp - the content as it comes in: where it ends, what it is without dot stuffing, what is odd about
// it.
//
// RFC 5321 4.1.1.4: only CRLF "." CRLF ends mail data. Every look-alike with a bare CR or a bare LF is
// content; a server that takes one for the end lets a second message be smuggled in. So the reader is a byte
// machine whose state survives any cut between reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postrider::sink {

/// Finds the end of mail data and takes dot stuffing away (RFC 5321 4.5.2).
class dot_reader {
  public:
    /// Reads until the terminator or the end of `in`; content leaves through `out` in slices of `in`. Returns
    /// the octets used up. Once done() it uses up nothing more.
    template <class Out>
    std::size_t feed(std::string_view in, Out&& out) {
        std::size_t at = 0;
        while (at < in.size() && at_ != position::done)
            at += step(in.substr(at), out);
        return at;
    }
    bool done() const noexcept { return at_ == position::done; }
    /// Ready for the next mail data, which starts at the start of a line.
    void reset() noexcept { at_ = position::line_start; }

  private:
    enum class position : std::uint8_t { line_start, dot, dot_cr, text, text_cr, done };

    template <class Out>
    std::size_t step(std::string_view in, Out&& out) {
        switch (at_) {
        case position::line_start:
            at_ = in[0] == '.' ? position::dot : position::text;
            return in[0] == '.' ? 1 : 0;
        case position::dot:
            at_ = in[0] == '\r' ? position::dot_cr : position::text;
            return in[0] == '\r' ? 1 : 0;
        case position::dot_cr:
            if (in[0] == '\n') {
                at_ = position::done;
                return 1;
            }
            out(std::string_view("\r", 1)); // the CR held back was content after all
            at_ = position::text;
            return 0;
        default:
            return text(in, out);
        }
    }

    // One slice: up to the next line that starts with a dot, or all there is.
    template <class Out>
    std::size_t text(std::string_view in, Out&& out) {
        bool after_cr = at_ == position::text_cr;
        std::size_t from = 0;
        for (;;) {
            const void* found = std::memchr(in.data() + from, '\n', in.size() - from);
            if (found == nullptr) {
                at_ = in.back() == '\r' ? position::text_cr : position::text;
                out(in);
                return in.size();
            }
            const auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
            const bool ends_line = line_feed == 0 ? after_cr : in[line_feed - 1] == '\r';
            from = line_feed + 1;
            after_cr = false;
            const bool last = from == in.size();
            if (last || (ends_line && in[from] == '.')) {
                at_ = ends_line ? position::line_start : position::text;
                out(in.substr(0, from));
                return from;
            }
        }
    }

    position at_ = position::line_start;
};

/// What a strict receiver would mind in a content, gathered slice by slice.
class content_facts {
  public:
    void add(std::string_view slice) noexcept;
    /// Only the size grows.
    void add_size(std::size_t octets) noexcept { size_ += octets; }
    void reset() noexcept { *this = content_facts(); }

    std::uint64_t size() const noexcept { return size_; }
    /// Octets of the longest line so far, its CRLF not counted.
    std::size_t longest_line() const noexcept { return longest_ < line_ ? line_ : longest_; }
    bool eight_bit() const noexcept { return eight_bit_; }
    bool nul() const noexcept { return nul_; }
    bool bare_cr() const noexcept { return bare_cr_ || last_cr_; }
    bool bare_lf() const noexcept { return bare_lf_; }
    bool ends_with_crlf() const noexcept { return size_ == 0 || ends_with_crlf_; }

  private:
    void add_lines(std::string_view slice) noexcept;
    void add_carriage_returns(std::string_view slice) noexcept;

    std::uint64_t size_ = 0;
    std::size_t line_ = 0;
    std::size_t longest_ = 0;
    bool eight_bit_ = false;
    bool nul_ = false;
    bool bare_cr_ = false;
    bool bare_lf_ = false;
    bool last_cr_ = false;
    bool ends_with_crlf_ = false;
};

} // namespace postrider::sink
