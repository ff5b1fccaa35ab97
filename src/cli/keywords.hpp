// keywords.hpp - what the keywords of an EHLO reply mean, in one line each.
#pragma once

#include "report.hpp"

#include <string_view>
#include <vector>

namespace postrider::cli {

/// `reply` as in connection_info::ehlo: its first line is the server's name and no keyword.
std::vector<explained_keyword> explain_keywords(std::string_view reply);

} // namespace postrider::cli
