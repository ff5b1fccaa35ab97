// support.hpp - what the tests of contents and messages share.
#pragma once

#include <postrider/content.hpp>
#include <postrider/message.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace postrider::test {

/// All octets of a content; adds a test failure when it cannot be read.
std::string octets_of(const content& what);

/// A folder of its own, gone with everything in it at the end of the test.
class temporary_folder {
  public:
    temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder();

    /// Writes the file and gives its path.
    std::string file(const std::string& name, std::string_view octets) const;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// What Python's email package makes of each message.
std::vector<nlohmann::json> parse_with_python(const std::vector<std::string>& messages);
nlohmann::json parse_with_python(const std::string& message);

/// Valid, and as short as a draft can be.
draft small_draft();

std::string decode_base64(const std::string& text);

} // namespace postrider::test
