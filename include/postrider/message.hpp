// message.hpp - Internet messages (RFC 5322, MIME): compose one, or read the envelope out of a finished one.
//
// `draft` says what a message shall hold, `compose` makes the content from it that a given server can take.
// Values are never repaired in silence: a field with a line break, a control character, invalid UTF-8 or an
// address that does not parse is an error that names the field.
//
// What the sender did not put in does not come out: no host name, user name, path, time zone or product name,
// and no Bcc, which exists for the envelope only.
#pragma once

#include "postrider/content.hpp"
#include "postrider/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postrider {

/// A mailbox of a header (RFC 5322 3.4): who, and where.
struct address {
    /// UTF-8, unquoted, any characters but control characters; may be empty.
    std::string display_name;
    /// `local-part@domain`, quoted where it must be, as RFC 5321 writes it; the domain may be an IDN.
    std::string addr_spec;

    bool operator==(const address&) const = default;
};

/// Reads what people write into To: `Name <a@b>, c@d`, `"Doe, J." <j@d>`, groups and comments (RFC 5322 3.4);
/// encoded words in display names are decoded (RFC 2047), never in addresses. An empty text gives an empty
/// list. Linear in time, without recursion. Errors: bad_address, address_too_long; `why`, when given, then
/// names the offending piece.
result<std::vector<address>> parse_address_list(std::string_view text, std::string* why = nullptr);

/// The mailbox with its domain as A-labels (IDNA2008, RFC 5891), for a server without SMTPUTF8 and for
/// headers. An ASCII domain stays as it is, provided that its A-labels are genuine. Errors: bad_address;
/// needs_smtputf8 when the local part is not ASCII, for nothing can turn that into ASCII.
result<std::string> ascii_mailbox(std::string_view addr_spec);

/// A moment and the offset from UTC it is told in. UTC by default: a time zone tells where the sender is.
struct date_time {
    std::chrono::sys_seconds at;
    std::chrono::minutes utc_offset{0};
};

/// A header field that `draft` has no member for.
struct header_field {
    std::string name;  ///< RFC 5322 ftext
    std::string value; ///< UTF-8 text without line breaks; encoded as RFC 2047 where needed
};

/// A file that travels with a message.
struct attachment {
    content data;
    /// What the recipient shall see; a name, never a path. May be empty.
    std::string file_name;
    /// `type/subtype`; empty: told from the ending of file_name, else application/octet-stream. `message/...`
    /// is sent as it is and so must fit the server (RFC 2046 5.2.1); `multipart/...` is refused.
    std::string media_type;
    /// Further parameters of the media type, such as {"charset", "utf-8"} or {"method", "REQUEST"}.
    std::vector<header_field> parameters;
    /// Set: shown inline, where the HTML says `src="cid:..."` (RFC 2392). Without angle brackets.
    std::string content_id;
};

/// The file, named by its base name. Error: content_unreadable; errno tells why.
result<attachment> attach_file(const std::string& path);

/// `Importance` (RFC 2156) and the older `X-Priority`; normal writes neither.
enum class message_priority : std::uint8_t { normal, high, low };

/// A message to be composed. Fill in, hand to compose(); nothing is kept. All strings are UTF-8.
struct draft {
    /// At least one; with more than one `sender` must be set (RFC 5322 3.6.2).
    std::vector<address> from;
    std::optional<address> sender;
    std::vector<address> to;
    std::vector<address> cc;
    /// For the envelope only: never written.
    std::vector<address> bcc;
    std::vector<address> reply_to;
    /// Empty writes no Subject.
    std::string subject;
    /// Now, in UTC, when not set.
    std::optional<date_time> date;
    /// With or without angle brackets. Empty: 128 random bits at the domain of `from`, never of this machine.
    std::string message_id;
    std::vector<std::string> in_reply_to;
    std::vector<std::string> references;
    std::vector<header_field> extra;
    message_priority priority = message_priority::normal;
    /// Line ends become CRLF, and the last line gets one.
    std::optional<content> text;
    std::optional<content> html;
    std::vector<attachment> attachments;

    /// To, Cc and Bcc, each mailbox once: the recipients of the envelope.
    std::vector<std::string> recipients() const;
    /// Sender, else the first From: the reverse-path of the envelope; empty when there is neither.
    std::string reverse_path() const;
};

/// What the server takes, and how to work.
struct composition {
    /// 8BITMIME (RFC 6152): text may go without transfer encoding.
    bool eight_bit = false;
    /// SMTPUTF8 (RFC 6531): headers may hold UTF-8 mailboxes. Used only where a local part needs it; all else
    /// is written in ASCII, so that one international recipient does not make a message undeliverable for the
    /// others.
    bool smtputf8 = false;
    /// BINARYMIME and CHUNKING (RFC 3030): attachments go as they are. The content must then be sent as it
    /// is, too.
    bool binary = false;
    /// The composed message stays in memory up to this size, above it in a file without a name.
    std::size_t spool_over = content::spool_over;
    /// Fills the span with random octets, false on failure; empty: the system's getrandom. For tests.
    std::function<bool(std::span<unsigned char>)> random;
};

/// Makes the message. Errors, each explained in `why` when given, field first: bad_argument (a field holds
/// what may not stand in it), bad_address, address_too_long, needs_smtputf8 (a UTF-8 local part in a header),
/// needs_8bitmime (an attached message/... is 8-bit), content_has_nul, content_unreadable (an attachment, or
/// no room for the spool), bad_message.
result<content> compose(const draft& what, const composition& how = {}, std::string* why = nullptr);

/// The addresses in the header of a finished message.
struct message_envelope {
    std::vector<address> from;
    std::optional<address> sender;
    std::vector<address> to;
    std::vector<address> cc;
    std::vector<address> bcc;
    /// The lists above come from the newest block of Resent-... fields (RFC 5322 3.6.6).
    bool resent = false;

    std::vector<std::string> recipients() const;
    std::string reverse_path() const;
};

/// Reads the header section of a finished message. When it holds Resent-... fields, the newest block of them
/// counts alone. Errors, explained in `why` when given: bad_message (a line that is no header field; From or
/// Sender twice; address fields of more than 32 MiB), bad_address, address_too_long, content_unreadable.
result<message_envelope> envelope_of(const content& message, std::string* why = nullptr);

/// The message without its Bcc and Resent-Bcc fields, however they are written or folded; every other octet
/// stays. Shares the octets of `message`. Error: content_unreadable.
result<content> without_bcc(const content& message);

} // namespace postrider
