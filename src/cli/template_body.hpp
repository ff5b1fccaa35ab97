// template_body.hpp - the text parts of a template message that hold placeholders; everything else of it
// stays as it is, octet for octet.
//
// The message is taken apart once: each such part is labelled UTF-8 in an encoding that takes any value, and
// its text is replaced by a mark. A row then costs no parsing: the pieces between the marks are copied, and
// each mark becomes a text, filled in and encoded.
#pragma once

#include "placeholders.hpp"
#include "postrider/content.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace postrider::cli {

class template_body {
  public:
    /// `name` stands in errors. Throws command_error (data).
    template_body(const content& message, const std::string& name, const std::vector<std::string>& columns);

    /// The header of the whole message, fields as they are to be labelled, without the empty line.
    const std::string& header() const noexcept { return header_; }
    /// The empty line and everything behind it.
    std::string fill(const std::vector<std::string>& row) const;
    /// Columns that a text part uses.
    const std::vector<text_template>& texts() const noexcept { return texts_; }

  private:
    struct part {
        bool html = false;
        bool base64 = false;
    };

    std::string header_;
    std::vector<std::string> literals_; // one more than texts
    std::vector<text_template> texts_;
    std::vector<part> parts_;
};

} // namespace postrider::cli
