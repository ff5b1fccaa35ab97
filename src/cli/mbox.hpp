// mbox.hpp - the messages of an mbox (RFC 4155), in place: nothing is copied, memory does not grow.
//
// A wrong guess at where a message ends sends two halves to somebody. So a separator is an empty line, then
// `From `, a sender and a date; and a line that begins with `From ` without being one is an error that names
// it, because writers of the format quote such lines as `>From `.
#pragma once

#include "postrider/content.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postrider::cli {

/// The file begins as an mbox does.
bool looks_like_mbox(const content& octets);

/// Writes the octets as an entry of an mboxrd: separator, quoted lines, empty line.
class mbox_writer {
  public:
    /// Begins an entry; returns its separator.
    static std::string_view separator();
    /// The next part of the message, quoted.
    std::string quoted(std::string_view part);
    /// What stands behind the last part.
    std::string finish();

  private:
    std::string head_; // of the line that has begun, while it may still turn out to need a quote
    bool in_line_ = false;
    bool ended_in_lf_ = true;
};

class mbox_reader {
  public:
    /// `name` stands in errors. `only_one` is mboxo: `>>From ` was never quoted.
    mbox_reader(content octets, std::string name, bool only_one);

    /// The next message; false at the end. Throws command_error (data).
    bool next(content& message);

  private:
    struct line {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::string head; // its first octets, without the line end
        bool empty() const { return head.empty() || head == "\r"; }
    };

    bool next_line(line& into);
    void expect_separator(const line& at) const;
    [[noreturn]] void refuse_joined(const line& at) const;
    void note_quote(const line& at, std::vector<octet_range>& gaps) const;
    bool begin();
    content cut(std::uint64_t first, std::uint64_t last, std::vector<octet_range> gaps) const;

    content octets_;
    std::string name_;
    bool only_one_;
    content::reader reader_;
    std::span<const char> chunk_;
    std::uint64_t offset_ = 0;
    std::uint64_t number_ = 0; // of the line
    bool started_ = false;
    bool ended_ = false;
};

} // namespace postrider::cli
