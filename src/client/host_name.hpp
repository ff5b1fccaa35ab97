// host_name.hpp - the name or address of a server, in the one form used for resolving, SNI and verification.
#pragma once

#include "postrider/result.hpp"

#include <string>
#include <string_view>

namespace postrider::line {

struct host_name {
    /// A-labels in lower case without the final dot, or an IP address as inet_ntop writes it.
    std::string text;
    bool is_address = false;
};

/// U-labels become A-labels (IDNA2008). Refused: empty labels, characters that stand in no host name,
/// A-labels that are not genuine, full-width and ideographic look-alikes of '.' and '@'. Error:
/// bad_configuration.
result<host_name> parse_host(std::string_view text);

} // namespace postrider::line
