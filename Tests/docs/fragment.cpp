// The program around a piece of C++ on a page.
INCLUDES

int main() {
    FRAGMENT
}
