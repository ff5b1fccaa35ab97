// keywords.hpp - what the keywords of an EHLO reply mean, in one line each.
#pragma once

#include "report.hpp"

#include <string>
#include <vector>

namespace postrider::cli {

/// `lines` as in connection_info::ehlo: the first is the server's name and no keyword.
std::vector<explained_keyword> explain_keywords(const std::vector<std::string>& lines);

} // namespace postrider::cli
