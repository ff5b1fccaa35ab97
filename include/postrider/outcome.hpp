// outcome.hpp - what became of the message for one recipient.
//
// The rule for doubt: while the terminator (the `.` line, or the last octet of the last BDAT chunk) has not
// been handed to the stream, the message is provably not accepted. After that, and without a reply, it is in
// doubt.
#pragma once

#include "postrider/errc.hpp"
#include "postrider/reply.hpp"

#include <cstdint>
#include <string_view>

namespace postrider {

enum class disposition : std::uint8_t {
    pending,   ///< nothing is known yet
    accepted,  ///< the server took the recipient; the message is still on its way
    delivered, ///< the server took responsibility for the message (a final 2yz was read)
    transient, ///< not accepted; trying again later may help
    permanent, ///< not accepted; trying again unchanged will not help
    in_doubt,  ///< the message may have been accepted: the reply was lost
};

/// Where in the session it was settled.
enum class stage : std::uint8_t {
    connect,
    greeting,
    ehlo,
    starttls,
    auth,
    mail,
    rcpt,
    data,
    content,
    command,
    quit
};

/// Static storage, for logs and JSON: "delivered", "rcpt" ...
std::string_view name(disposition d) noexcept;
std::string_view name(stage s) noexcept;

/// One recipient's outcome. `text` lies in the space the recipient lent, or is empty.
struct outcome {
    disposition status = disposition::pending;
    stage at = stage::connect;
    errc error = errc::ok;
    std::uint16_t code = 0; ///< the reply that settled it, 0 when none did
    enhanced_status enhanced;
    std::string_view text;

    constexpr bool settled() const noexcept { return status > disposition::accepted; }
};

/// What a failure of the session means for a message that was provably not accepted: permanent for what will
/// fail again unchanged (credentials, capabilities), transient for the rest.
disposition disposition_of(errc e) noexcept;

/// Whether a failure says of the session that it ended, and nothing about the message: the line was lost, or
/// what came over it cannot be trusted any more.
bool ends_session(errc e) noexcept;

} // namespace postrider
