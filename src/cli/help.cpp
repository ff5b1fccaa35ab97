#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace postrider::cli {
namespace {

constexpr std::size_t name_column = 32;
constexpr std::size_t page_width = 100;

class formatter : public CLI::Formatter {
  public:
    std::string make_option(const CLI::Option* option, bool is_positional) const override {
        const std::string names =
            fmt::format("  {}{}", make_option_name(option, is_positional), make_type(option));
        std::string out = fmt::format("{:<{}}", names, name_column);
        if (names.size() >= name_column) {
            out = names + "\n" + std::string(name_column, ' ');
        }
        return out + wrapped(option->get_description() + defaulted(option)) + "\n";
    }

  private:
    static std::string make_type(const CLI::Option* option) {
        const std::string type = option->get_type_name();
        // A check such as IsMember writes itself behind the type; the description says it in words.
        return option->get_items_expected_max() == 0 || type.empty() ? ""
                                                                     : " " + type.substr(0, type.find(':'));
    }
    static std::string defaulted(const CLI::Option* option) {
        return option->get_default_str().empty() ? ""
                                                 : fmt::format(" (default {})", option->get_default_str());
    }
    static std::string wrapped(const std::string& text) {
        constexpr std::size_t width = page_width - name_column;
        std::string out;
        for (std::size_t start = 0; start < text.size();) {
            std::size_t end = std::min(start + width, text.size());
            if (end < text.size()) {
                const auto space = text.rfind(' ', end);
                end = space != std::string::npos && space > start ? space : end;
            }
            out += (start == 0 ? "" : "\n" + std::string(name_column, ' ')) + text.substr(start, end - start);
            start = end + (end < text.size() && text[end] == ' ' ? 1 : 0);
        }
        return out;
    }
};

} // namespace

std::shared_ptr<CLI::FormatterBase> make_help_formatter() {
    return std::make_shared<formatter>();
}

} // namespace postrider::cli
