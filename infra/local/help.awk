# Print the targets of a Makefile with what stands after their `##`, under `##@` headings.
BEGIN { FS = ":.*## "; print "make TARGET, one of:" }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $1, $2 }
