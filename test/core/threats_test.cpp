// docs/threats.md promises a test for each threat: every file it names is there and holds the name.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(threats, every_test_that_is_named_exists) {
    const std::filesystem::path root = POSTRIDER_ROOT;
    const std::string page = text_of(root / "docs/threats.md");
    const std::regex named("`((?:test|fuzz)/[^`: ]+\\.[a-z]+)(?:: ([A-Za-z0-9_]+))?`");
    std::size_t count = 0;
    for (std::sregex_iterator match(page.begin(), page.end(), named), end; match != end; ++match, ++count) {
        const std::string file = text_of(root / (*match)[1].str());
        EXPECT_FALSE(file.empty()) << (*match)[1] << " is missing";
        const std::string name = (*match)[2];
        EXPECT_NE(file.find(name), std::string::npos) << (*match)[1] << " has no test " << name;
    }
    EXPECT_GT(count, 60U);
}

} // namespace
