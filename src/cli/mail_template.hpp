// mail_template.hpp - a message with {{column}} in header fields and text parts, and what a row makes of it.
//
// No value can change what a header field is. Text is encoded as a whole (RFC 2047) and cannot hold a line
// break. An address field is taken apart before there is a value: a value becomes a display name or a
// mailbox, and whatever it holds, never another address beside it.
#pragma once

#include "placeholders.hpp"
#include "postrider/message.hpp"
#include "template_body.hpp"

#include <set>
#include <string>
#include <vector>

namespace postrider::cli {

class mail_template {
  public:
    /// `name` stands in errors. Throws command_error (data).
    mail_template(const content& message, std::string name, const std::vector<std::string>& columns);

    /// What each message gets for itself.
    struct own {
        std::string recipient;  ///< for To, where the template has none
        std::string message_id; ///< the part before the @
        date_time date;         ///< where the template has none
    };
    /// Header and body, without Bcc. Throws command_error (data) when a value does not fit its place; its
    /// text names the field, not the row.
    std::string fill(const std::vector<std::string>& row, const own& mine) const;
    /// The same without the body: for looking at a row before anything is sent.
    std::string fill_header(const std::vector<std::string>& row, const own& mine) const;

  private:
    enum class kind { fixed, text, addresses, verbatim };
    struct mailbox_template {
        text_template display_name;
        text_template addr_spec;
        bool whole_value = false; // the value may be `Name <a@b>`
    };
    struct field {
        kind what = kind::fixed;
        std::string name;
        std::string raw; // fixed: with its line end
        std::vector<text_template> text;
        std::vector<mailbox_template> mailboxes;
    };

    void add_field(const std::string& name, std::string raw, const std::string& value);
    field address_field(const std::string& name, const std::string& value) const;
    std::string fill_addresses(const field& one, const std::vector<std::string>& row,
                               std::string& first) const;
    address fill_mailbox(const field& one, const mailbox_template& box,
                         const std::vector<std::string>& row) const;
    static std::string fill_text(const field& one, const std::vector<std::string>& row);
    std::string missing_fields(const std::string& from, const own& mine) const;
    std::string where(const std::string& field_name) const { return name_ + ", " + field_name; }

    std::string name_;
    const std::vector<std::string>& columns_;
    template_body body_;
    std::vector<field> fields_;
    std::set<std::string> present_; // names of fields, in lower case
};

} // namespace postrider::cli
