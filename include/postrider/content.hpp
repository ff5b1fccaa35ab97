// content.hpp - the content of a message (RFC 5321 2.3.1): the octets that follow DATA or BDAT.
//
// A content is read more than once: to measure it before MAIL, to send it, to send it again after a lost
// link. So it is never a stream. It stands in memory or in a file, and what comes from a pipe is put aside
// first: in memory while it is small, else in a file without a name. Reading takes one block of memory
// whatever the size.
//
// Contents are values: copying shares the octets. Nothing here opens a file whose name stands inside a
// message.
#pragma once

#include "postrider/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postrider {

/// What one look at all octets of a content tells.
struct content_traits {
    /// Octets once every bare CR and bare LF is CRLF and the last line ends with CRLF: the SIZE to declare
    /// (RFC 1870) and the length of BDAT. 0 for an empty content.
    std::uint64_t canonical_size = 0;
    /// The longest line in octets, its CRLF not counted; RFC 5321 4.5.3.1.6 allows 998.
    std::uint64_t longest_line = 0;
    /// Only BINARYMIME can carry it (RFC 3030).
    bool has_nul = false;
    /// Needs 8BITMIME (RFC 6152), or to be encoded anew.
    bool has_8bit = false;
    /// The header section (up to the first empty line) needs SMTPUTF8 (RFC 6532).
    bool header_has_8bit = false;
    /// False when the header section is not valid UTF-8: no extension makes such a message sendable.
    bool header_is_utf8 = true;
    /// False for traits_at_start() of a large content: the size is an estimate then, and of the longest line,
    /// of 8-bit octets and of NUL only what was seen is known.
    bool whole = true;
};

/// A half-open range of octets, counted from the start of a content.
struct octet_range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// The octets to be sent, readable any number of times, from several threads, each with its own reader. The
/// only exception is std::bad_alloc.
class content {
  public:
    class reader;
    /// The largest chunk a reader hands out: between the file and the socket it stays in the second cache.
    static constexpr std::size_t block_size = std::size_t{96} * 1024;
    /// What comes from a pipe stays in memory up to this size.
    static constexpr std::size_t spool_over = std::size_t{1024} * 1024;

    /// Nothing: 0 octets.
    content() noexcept = default;
    /// Keeps the text.
    content(std::string text);
    content(const char* text);
    /// Refers to octets that must outlive every copy of the content and stay as they are.
    static content lent(std::string_view octets);
    /// Opens the file now and reads it later: it must stay as it is, and a reader that finds it changed
    /// fails. What is not a regular file (a FIFO, a device) is read to its end now. Error:
    /// content_unreadable; errno tells why.
    static result<content> from_file(const std::string& path);
    /// The rest of an open file or pipe, such as standard input. The descriptor stays the caller's and may be
    /// closed afterwards. Errors as from_file.
    static result<content> from_fd(int fd);

    /// Raw octets, before any change of line ends.
    std::uint64_t size() const noexcept { return size_; }
    /// Reads everything once. Error: content_unreadable.
    result<content_traits> traits() const;
    /// The octets are in memory, and stay as they are.
    bool is_lasting() const noexcept;
    /// All octets, where they are in memory in one piece; else empty. Valid as long as a copy of the content.
    std::span<const char> in_one_piece() const noexcept;
    /// Reads the header section and a block, for a content that is too large to be read twice.
    result<content_traits> traits_at_start() const;
    /// Starts at the first octet.
    reader read() const;
    /// The same octets without those in `gaps`, which are in order and do not overlap. Nothing is copied.
    content without(std::span<const octet_range> gaps) const;

  private:
    friend class spool;
    struct source;
    result<content_traits> look(bool to_the_end) const;
    explicit content(std::shared_ptr<const source> whole);

    std::span<const octet_range> slices() const noexcept; // of the source, none empty

    std::shared_ptr<const source> source_;
    octet_range whole_;               // the one slice where nothing was left out: a copy needs no memory
    std::vector<octet_range> slices_; // else
    std::uint64_t size_ = 0;
};

/// Goes through a content once; keeps its octets alive.
class content::reader {
  public:
    explicit reader(content what) noexcept : content_(std::move(what)) {}
    /// The next octets, at most block_size, valid until the next call; empty at the end. Error:
    /// content_unreadable, when the file cannot be read or is not what it was at opening; errno tells why.
    result<std::span<const char>> next();

  private:
    result<std::span<const char>> read_file(std::uint64_t offset, std::size_t size);

    content content_;
    std::size_t slice_ = 0;
    std::uint64_t done_ = 0; // octets of the current slice
    std::vector<char> block_;
    bool failed_ = false;
};

} // namespace postrider
