// envelope.hpp - one message for the engine: its envelope (RFC 5321 2.3.1), its parameters and its content.
//
// The caller owns everything here and lends it from submit() until the transaction is completed: paths,
// texts, content. The engine writes the outcomes and keeps its place in the transaction.
#pragma once

#include "postrider/features.hpp"
#include "postrider/outcome.hpp"
#include "postrider/path.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace postrider {

/// BODY= of RFC 6152 and RFC 3030.
enum class body_type : std::uint8_t {
    seven_bit,
    eight_bit,            ///< needs 8BITMIME
    eight_bit_undeclared, ///< declared where the server lists 8BITMIME, sent all the same where it does not
    binary,               ///< needs BINARYMIME and CHUNKING; the octets are sent as they are
};

/// NOTIFY= of RFC 3461 4.1, as bits; `unset` leaves the choice to the server.
enum class notify : std::uint8_t { unset = 0, success = 1, failure = 2, delay = 4, never = 8 };
constexpr notify operator|(notify a, notify b) noexcept {
    return static_cast<notify>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(notify set, notify one) noexcept {
    return (static_cast<unsigned>(set) & static_cast<unsigned>(one)) != 0;
}

/// RET= of RFC 3461 4.3.
enum class return_content : std::uint8_t { unset, full, headers };

/// One recipient and what became of the message for it.
struct recipient {
    constexpr recipient() noexcept = default;
    constexpr recipient(const forward_path& p) noexcept : path(p) {}

    forward_path path;
    outcome result;
    /// Keeps the server's text for this recipient, cut to its size; may be empty.
    std::span<char> text_space;
    postrider::notify notify = postrider::notify::unset;
    /// ORCPT= of RFC 3461 4.2, plain (the engine writes xtext): the original address, empty for none. The
    /// address type sent is rfc822, or utf-8 (RFC 6533) when it is not ASCII.
    std::string_view original;
    /// For the caller's own use.
    std::uint8_t tag = 0;
};

/// A mail transaction. Fill in the public members, submit it, leave it alone until it is completed.
struct transaction {
    reverse_path from;
    std::span<recipient> recipients;

    /// The content, or its first part. With `more_content` the engine asks for the rest, part by part.
    std::string_view content;
    bool more_content = false;
    /// Nothing is to be mended in the content: each line ends in CRLF, and there is no NUL. In one chunk of
    /// BDAT it goes out unseen.
    bool canonical = false;

    body_type body = body_type::seven_bit;
    /// The header holds UTF-8 (RFC 6532). Implied by a UTF-8 address.
    bool smtputf8 = false;
    /// Send the content only when every recipient was accepted.
    bool all_or_nothing = false;
    /// Only ask: MAIL and RCPT, never content. An accepted recipient stays `accepted`; RSET goes before what
    /// follows.
    bool probe = false;
    return_content ret = return_content::unset;
    /// MT-PRIORITY (RFC 6710), -9 to 9; sent only when not 0 and the server lists the keyword.
    std::int8_t priority = 0;
    /// ENVID= of RFC 3461 4.4, plain (the engine writes xtext); empty for none.
    std::string_view envelope_id;
    /// The size to declare (RFC 1870), octets; 0: the size of `content` when it is whole, else none.
    std::uint64_t size = 0;

    /// True once every recipient is settled and the engine holds no reference any more.
    constexpr bool completed() const noexcept { return progress_.completed; }
    constexpr bool all_delivered() const noexcept;

  private:
    friend class session;
    struct progress {
        transaction* next = nullptr;
        std::uint32_t end_offset = 0; // where in the stream the terminator ends
        std::uint16_t sent_recipients = 0;
        std::uint16_t accepted = 0;
        std::uint32_t sent_chunks = 0;
        std::uint32_t answered_chunks = 0;
        bool reset_first : 1 = false; // RSET stands in front of MAIL
        bool content_begun : 1 = false;
        bool sent_data : 1 = false;
        bool sent_end : 1 = false; // the terminator was taken; end_offset holds
        bool failed : 1 = false;   // nothing more of it shall be sent
        bool mail_refused : 1 = false;
        bool completed : 1 = false;

        constexpr bool last_chunk_awaited() const noexcept {
            return sent_end && answered_chunks + 1 >= sent_chunks; // LMTP: several replies answer the last
        }
    };
    progress progress_;
};

constexpr bool transaction::all_delivered() const noexcept {
    for (const recipient& r : recipients) {
        if (r.result.status != disposition::delivered) {
            return false;
        }
    }
    return true;
}

} // namespace postrider
