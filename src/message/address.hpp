// address.hpp - what the files of this room share about addresses.
#pragma once

#include "postrider/message.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postrider {

/// The errc that `why` then explains; keeps the explanation when the caller wants one.
errc refuse(std::string* why, errc error, std::string explanation);

/// Foreign text for an explanation: in quotes, cut to a readable length, control characters as \xNN.
std::string quoted(std::string_view text);

/// Local part and domain parse, and the domain's A-labels are genuine.
errc check_mailbox(std::string_view addr_spec, std::string* why);

/// The domain as A-labels; empty when it cannot be one. Literals stay as they are.
std::string ascii_domain(std::string_view domain);

/// Each mailbox once, in order; domains compare without case (RFC 5321 2.4), local parts with.
std::vector<std::string> distinct_mailboxes(std::span<const std::vector<address>* const> lists);

} // namespace postrider
