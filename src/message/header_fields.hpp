// header_fields.hpp - goes through the header section of a finished message, field by field, in place.
//
// What counts as the end of a line here is what will be one on the wire: CRLF, and also a bare CR or LF,
// which become CRLF on the way out. A reader that took only CRLF would miss the Bcc behind a bare CR that the
// recipient sees.
#pragma once

#include "postrider/content.hpp"
#include "postrider/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace postrider {

/// A header field as it stands, folded lines included.
struct raw_field {
    /// Lower case; cut when it is longer than any name of interest.
    std::string name;
    /// What follows the colon, unfolded; empty unless asked for.
    std::string value;
    /// Where it stands, its last line end included.
    octet_range where;
    /// How many octets that last line end has, and whether it is a CR alone.
    std::uint64_t line_end = 0;
    bool ends_in_cr = false;
    /// A colon was found, and the name is printable ASCII.
    bool well_formed = false;
};

class header_fields {
  public:
    using name_filter = bool (*)(std::string_view name);

    /// Keeps the values of the fields whose name passes the filter.
    header_fields(const content& message, name_filter wanted) : octets_(message.read()), wanted_(wanted) {}

    /// False at the end of the header section. Error: content_unreadable.
    result<bool> next(raw_field& field);
    /// The header section has ended, and the empty line behind it begins with a LF.
    bool ended_at_lf() { return peek() == '\n'; }

  private:
    static constexpr int at_end = -1;

    int peek();
    void take_line(raw_field& field);
    void take(raw_field& field, char c);

    content::reader octets_;
    name_filter wanted_;
    std::span<const char> chunk_;
    std::size_t used_ = 0;
    std::uint64_t offset_ = 0;
    bool in_name_ = true;
    bool keep_value_ = false;
    bool failed_ = false;
};

} // namespace postrider
