// Around a piece of C++ of a page that is no whole program.
INCLUDES

int main() {
    FRAGMENT
}
