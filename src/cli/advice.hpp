// advice.hpp - what to do next, for every way in which things can fail.
#pragma once

#include "postrider/client.hpp"

#include <string_view>

namespace postrider::cli {

/// A sentence without a full stop; static storage; empty only for errc::ok. `code` is the reply that decided
/// it, 0 for none.
std::string_view advice_for(errc error, std::uint16_t code);

/// For a message in doubt, whatever put it there.
std::string_view advice_in_doubt();

} // namespace postrider::cli
